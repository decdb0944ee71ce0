//! GET on the per-tenant URL: one stream that merges what the servers of a client's session say
//! unasked. Each server's own stream is opened in that session, and again when it ended; event
//! ids are left out, because nobody could come back to so many streams by one. When what the
//! grant may call changed, the gateway says so itself.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use domain::{GrantId, PolicyId, ServerId};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll, select_all, unfold};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method as HttpMethod};
use mcp::sse;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::identify::Caller;
use crate::session::joined::Joined;
use crate::session::seal::Holder;
use crate::session::store::{SessionKey, TenantSession};
use crate::upstream::Relay;
use crate::upstream::judge::{Judge, Scope};
use crate::upstream::wire::Way;
use crate::view::{BindingView, GrantView, Live};

/// How long is waited before a server's stream is opened again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Servers whose streams are merged into one.
const MAX_STREAMS: usize = 64;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// The merged stream of a client's session.
pub(crate) fn listen(
    gw: &Arc<Gateway>,
    caller: &Caller,
    (key, row): (SessionKey, TenantSession),
    room: OwnedSemaphorePermit,
) -> Response {
    let bindings = caller.grant.bindings.iter().take(MAX_STREAMS);
    let streams = bindings.map(|binding| {
        let listener = Listener {
            gw: Arc::clone(gw),
            holder: caller.holder(),
            key,
            row: row.clone(),
            scope: Scope {
                live: Arc::clone(&caller.live),
                grant: caller.grant.id,
                server: binding.server.id,
            },
            relay: None,
            pause: Duration::ZERO,
        };
        unfold(listener, Listener::next).boxed()
    });
    let merged = Merged {
        streams: select_all(streams),
        reach: reach(&caller.grant),
        changes: caller.live.changes(),
        live: Arc::clone(&caller.live),
        grant: caller.grant.id,
        key,
        gw: Arc::clone(gw),
        _room: room,
    };
    let events = unfold(merged, |mut merged| async move {
        merged.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), merged))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

// === Merged ===

struct Merged {
    streams: SelectAll<BoxStream<'static, Bytes>>,
    /// What the grant reached when its client was last told.
    reach: Reach,
    changes: watch::Receiver<i64>,
    live: Arc<Live>,
    grant: GrantId,
    key: SessionKey,
    gw: Arc<Gateway>,
    /// The stream's share in what its organisation may have open.
    _room: OwnedSemaphorePermit,
}

/// Which servers, each under which version of which policy.
type Reach = Vec<(ServerId, Option<(PolicyId, i32)>, bool)>;

fn reach(grant: &GrantView) -> Reach {
    let of = |binding: &Arc<BindingView>| {
        let policy = binding.policy.as_ref().map(|policy| (policy.id, policy.version));
        (binding.server.id, policy, binding.server.is_paused)
    };
    grant.bindings.iter().map(of).collect()
}

impl Merged {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                // Once all servers' streams have ended, the gateway's own news are left.
                Some(bytes) = self.streams.next() => return Some(bytes),
                () = tokio::time::sleep(self.gw.settings.keep_alive) => {
                    // Looking at the session keeps it from being forgotten meanwhile.
                    let has_ended = matches!(self.gw.sessions.find(self.key).await, Ok(None));
                    return (self.holds() && !has_ended).then(|| sse::comment("keep-alive"));
                }
                changed = self.changes.changed() => {
                    if changed.is_err() || !self.holds() {
                        return None;
                    }
                    if let Some(news) = self.changed_reach() {
                        return Some(news);
                    }
                }
                () = self.gw.closing.cancelled() => return None,
            }
        }
    }

    /// Whether the grant still does, and calls are not paused.
    fn holds(&self) -> bool {
        let view = self.live.view();
        let grant = view.grant(self.grant, self.gw.clock.now());
        grant.is_some() && !view.is_paused && !self.live.has_ended()
    }

    /// What the client is told when the grant reaches something else than before.
    fn changed_reach(&mut self) -> Option<Bytes> {
        let view = self.live.view();
        let reach = reach(view.grant(self.grant, self.gw.clock.now())?);
        if reach == self.reach {
            return None;
        }
        self.reach = reach;
        let news = ["tools", "prompts", "resources"].map(|list| {
            let message =
                format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"}}"#);
            sse::encode(Some("message"), None, message.as_bytes())
        });
        Some(news.concat().into())
    }
}

// === Listener ===

/// One server's stream in the session, opened again and again.
struct Listener {
    gw: Arc<Gateway>,
    holder: Holder,
    key: SessionKey,
    row: TenantSession,
    scope: Scope,
    relay: Option<Relay>,
    pause: Duration,
}

impl Listener {
    /// The next bytes; none once there is nothing more to hear.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(relay) = &mut self.relay {
                if let Some(bytes) = relay.next().await {
                    self.pause = FIRST_PAUSE;
                    return Some((bytes, self));
                }
                self.relay = None;
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            match self.open().await {
                ControlFlow::Continue(relay) => self.relay = relay,
                ControlFlow::Break(()) => return None,
            }
        }
    }

    /// Opens the stream; none if it is worth another try. It ends for good where the grant or the
    /// server is gone, or the server has no such stream.
    async fn open(&self) -> ControlFlow<(), Option<Relay>> {
        let Some(binding) = self.scope.binding(&self.gw) else { return ControlFlow::Break(()) };
        let joined = Box::pin(super::join(&self.gw, self.key, &self.row, &binding)).await;
        let Ok(session) = joined else { return ControlFlow::Continue(None) };
        let mut way = Way::opened(&binding, &session).on_behalf_of(&self.scope);
        way.headers.remove(CONTENT_TYPE);
        way.headers.insert(ACCEPT, EVENT_STREAM);
        let deadline = self.gw.settings.list_deadline;
        let sent = way.clone().send(&self.gw, HttpMethod::GET, Bytes::new(), deadline).await;
        let Ok(response) = sent else { return ControlFlow::Continue(None) };
        match response.status().as_u16() {
            200..=299 if is_stream(response.headers()) => {}
            404 => {
                super::leave(&self.gw, self.key, self.scope.server).await;
                return ControlFlow::Continue(None);
            }
            400..=499 => return ControlFlow::Break(()),
            _ => return ControlFlow::Continue(None),
        }
        let within = Joined::Tenant(self.key, self.row.clone());
        let scope = self.scope.clone();
        let judge = Judge::of_stream(&self.gw, scope.clone(), self.holder, within.binding());
        way.headers.remove(ACCEPT);
        let way = Way::with(&binding, way.headers);
        ControlFlow::Continue(Some(Relay::of_news(&self.gw, judge, scope, way, response)))
    }
}
