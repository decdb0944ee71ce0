//! How the process ends: first it says that it is not ready, then it accepts nothing more, then
//! calls in flight have their time, and what is left is cut off with an answer that says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use gateway::Gateway;
use http::StatusCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::listener::Connections;
use crate::product::progress;

/// How long calls in flight may go on once nothing more is accepted.
const GRACE: Duration = Duration::from_secs(22);
/// How long the last answers, which say that they are the last, may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What knows that the end has begun.
#[derive(Clone)]
pub(crate) struct Stop {
    draining: Arc<AtomicBool>,
    /// Nothing more is accepted, and what would go on for ever ends.
    pub(crate) now: CancellationToken,
    /// The last call is over.
    pub(crate) over: CancellationToken,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self {
            draining: Arc::default(),
            now: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    /// The routes with a `/readyz` that says when the end has begun.
    pub(crate) fn told_by(&self, router: Router) -> Router {
        let draining = Arc::clone(&self.draining);
        router.layer(from_fn(move |request: Request, next: Next| {
            let is_stopping = draining.load(Ordering::Acquire) && request.uri().path() == "/readyz";
            async move { if is_stopping { stopping() } else { next.run(request).await } }
        }))
    }

    /// Waits for a signal, then ends what `connections` are about. `notice` is how long it goes on
    /// as before while load balancers find out.
    pub(crate) async fn when_told(
        self,
        connections: Connections,
        gateway: Option<Arc<Gateway>>,
        notice: Duration,
    ) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        progress("stopping");
        self.draining.store(true, Ordering::Release);
        sleep(notice).await;
        self.now.cancel();
        if let Some(gateway) = &gateway {
            gateway.close();
        }
        if timeout(GRACE, connections.finish()).await.is_err() {
            tracing::warn!("calls in flight are cut off");
            if let Some(gateway) = &gateway {
                gateway.cut();
            }
            let _written = timeout(LAST_WORDS, connections.finish()).await;
            connections.cut().await;
        }
        self.over.cancel();
        Ok(())
    }
}

fn stopping() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
}
