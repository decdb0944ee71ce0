//! Lantern Supply: a small MCP server of our own, so that a newcomer has an upstream to try
//! policies on, and tests have one they can watch.
//!
//! It is a model of a well-behaved upstream: both protocol eras on one URL, truthful
//! annotations, bounded memory, no I/O. Reading order: [`router_with`], `transport.rs` (HTTP and
//! the two eras), `methods.rs` (what each method answers), `tools.rs` and `shop.rs` (the shop).
//! It never sees a tenant, a policy or a credential.

mod methods;
mod query;
mod recorder;
mod rpc;
mod session;
mod shop;
mod tools;
mod transport;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use tokio::net::TcpListener;

pub use recorder::Recorder;

use session::Sessions;
use shop::Shop;

/// The largest request body that is read.
const BODY_LIMIT_BYTES: usize = 256 * 1024;

/// What tests may change; the default is what the product mounts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Counts the `tools/call` requests that reached this server.
    pub recorder: Recorder,
    /// Tools on one page of `tools/list`; the ten tools fit on one unless this is made smaller.
    pub page_size: usize,
    /// How long `build_forecast` works on each month.
    pub forecast_step: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            recorder: Recorder::default(),
            page_size: 50,
            forecast_step: Duration::from_millis(150),
        }
    }
}

/// The server, at `/mcp`, with a freshly stocked shop.
pub fn router() -> Router {
    router_with(Options::default())
}

/// [`router`], adjusted and watched.
pub fn router_with(options: Options) -> Router {
    let demo = Arc::new(Demo {
        options,
        shop: Mutex::new(Shop::stocked()),
        sessions: Mutex::new(Sessions::default()),
    });
    #[expect(clippy::disallowed_methods, reason = "one route, of a server without tenants")]
    Router::new()
        .route("/mcp", post(transport::post).get(transport::get).delete(transport::delete))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(demo)
}

/// Serves [`router`] until `shutdown` completes. The listener must be a loopback one: the shop
/// asks nobody who they are.
pub async fn serve(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
}

/// The state of one running demo server.
#[derive(Debug)]
pub(crate) struct Demo {
    options: Options,
    shop: Mutex<Shop>,
    sessions: Mutex<Sessions>,
}

impl Demo {
    pub(crate) fn shop(&self) -> MutexGuard<'_, Shop> {
        lock(&self.shop)
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

/// A poisoned lock is taken all the same: every change below it is a single step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
