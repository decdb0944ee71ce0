//! A local MCP server that speaks over its standard streams, served over Streamable HTTP on
//! loopback, so that a gateway can stand in front of it.
//!
//! Each session of the eras with `initialize` has a process of its own and nothing in its
//! messages is changed (`session.rs`). Requests of 2026-07-28 share one process, if the server
//! speaks that revision; their ids are told apart by splices (`shared.rs`). Who may come in is
//! decided in `door.rs`, processes are started and ended in `child.rs`, HTTP is `routes.rs`.
//!
//! It never sees an organisation or a policy: those are the gateway's.

mod child;
mod door;
mod routes;
mod session;
mod sessions;
mod shared;
mod stream;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use door::Secret;

/// What to serve, and how.
#[derive(Debug)]
pub struct Options {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// What callers must present; `None` lets in whoever reaches the port from no web page.
    pub secret: Option<Secret>,
    /// Sessions, and so processes, at once.
    pub max_sessions: usize,
    /// How long a session may be silent, with no stream open, before its process is ended.
    pub idle: Duration,
}

impl Options {
    /// The defaults, with a fresh secret.
    pub fn new(command: Vec<OsString>) -> Self {
        Self {
            command,
            secret: Some(Secret::fresh()),
            max_sessions: 32,
            idle: Duration::from_mins(30),
        }
    }
}

/// Serves until `stop`; when this returns, all processes that it started have ended.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: CancellationToken,
) -> io::Result<()> {
    let app = routes::App::new(options, listener.local_addr()?.port());
    let reaping = stop.clone().run_until_cancelled_owned({
        let app = app.clone();
        async move { app.sessions.reap().await }
    });
    let ending = {
        let (app, stop) = (app.clone(), stop.clone());
        async move {
            stop.cancelled().await;
            // Their streams end with them, and so the listener can.
            app.end().await;
        }
    };
    let serving = axum::serve(listener, routes::router(app));
    let serving = serving.with_graceful_shutdown(stop.cancelled_owned()).into_future();
    let (served, _reaped, ()) = tokio::join!(serving, reaping, ending);
    served
}
