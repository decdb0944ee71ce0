//! What the servers of a grant say unasked, merged into one stream on the per-tenant URL: by GET
//! in a client's session, by `subscriptions/listen` where there are none. Each server's own
//! stream is opened the same way, and again when it ended; event ids are left out, because nobody
//! could come back to so many streams by one. When what the grant may call changed, the gateway
//! says so itself.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response as Answered;
use bytes::Bytes;
use domain::{PolicyId, ServerId};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll, unfold};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Response};
use mcp::sse;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::bridge::up;
use crate::front::body::is_stream;
use crate::gateway::Gateway;
use crate::identify::Caller;
use crate::path::Post;
use crate::refusal::Refusal;
use crate::session::seal::Holder;
use crate::session::store::{SessionKey, TenantSession};
use crate::upstream::Relay;
use crate::upstream::judge::{Judge, Scope, expiry};
use crate::upstream::reading::Reading;
use crate::upstream::wire::Way;
use crate::view::{BindingView, GrantView, Live, Standing};

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
) -> Answered {
    let means = Means::Session(key, row);
    respond(Merged::new(gw, caller, &means, Kinds::ALL, room), None)
}

/// The merged stream of a `subscriptions/listen`: of what it asks for, the changes of lists.
pub(super) fn subscribe(post: &Post<'_>) -> Result<Answered, Refusal> {
    let room = Arc::clone(&post.caller.live.stream_room).try_acquire_owned();
    let room = room.map_err(|_full| Refusal::Busy)?;
    let message = post.call.message;
    let kinds = Kinds::wanted(message.param("notifications"));
    let id = message.id_raw().unwrap_or_default();
    let meta = message.meta().map_or("{}", json::Node::raw_str);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{"notifications":{},"_meta":{meta}}}}}"#,
        kinds.as_json()
    );
    let means = Means::Subscription(body.into(), mcp::headers::for_upstream(post.headers));
    let mut merged = Merged::new(post.gw, post.caller, &means, kinds, room);
    merged.subscription = Some(id.to_owned());
    let acknowledged = merged
        .message("subscriptions/acknowledged", &format!(r#""notifications":{}"#, kinds.as_json()));
    Ok(respond(merged, Some(acknowledged)))
}

fn respond(merged: Merged, first: Option<Bytes>) -> Answered {
    let events = unfold((merged, first), |(mut merged, mut first)| async move {
        let bytes = match first.take() {
            Some(first) => Some(first),
            None => merged.next().await,
        };
        bytes.map(|bytes| (Ok::<_, Infallible>(bytes), (merged, first)))
    });
    let mut response = Answered::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Whose lists a client wants to hear of.
#[derive(Debug, Clone, Copy)]
struct Kinds([bool; 3]);

impl Kinds {
    const ALL: Self = Self([true; 3]);
    const NAMES: [&str; 3] = ["tools", "prompts", "resources"];

    fn wanted(notifications: Option<json::Node<'_>>) -> Self {
        let wants = |name: &str| {
            let member = notifications?.get(&format!("{name}ListChanged"))?;
            member.as_bool()
        };
        Self(Self::NAMES.map(|name| wants(name) == Some(true)))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().zip(self.0).filter_map(|(name, wanted)| wanted.then_some(name))
    }

    fn as_json(self) -> String {
        let members: Vec<_> =
            self.names().map(|name| format!(r#""{name}ListChanged":true"#)).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// By which means each server's own stream is opened.
#[derive(Clone)]
enum Means {
    /// By GET, in the session with it.
    Session(SessionKey, TenantSession),
    /// By this request.
    Subscription(Bytes, HeaderMap),
}

// === Merged ===

struct Merged {
    streams: SelectAll<BoxStream<'static, Bytes>>,
    /// What the grant reached when its client was last told.
    reach: Reach,
    changes: watch::Receiver<i64>,
    live: Arc<Live>,
    standing: Standing,
    holder: Holder,
    means: Means,
    /// When it is next looked whether there still is a session.
    looks_at: Instant,
    /// The id of the subscription, as written.
    subscription: Option<String>,
    kinds: Kinds,
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

/// The servers that may be heard.
fn open(reach: &Reach) -> impl Iterator<Item = ServerId> {
    reach.iter().filter(|(.., is_paused)| !is_paused).map(|(server, ..)| *server)
}

impl Merged {
    fn new(
        gw: &Arc<Gateway>,
        caller: &Caller,
        means: &Means,
        kinds: Kinds,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let mut merged = Self {
            streams: SelectAll::new(),
            reach: reach(&caller.grant),
            changes: caller.live.changes(),
            live: Arc::clone(&caller.live),
            standing: caller.standing(),
            holder: caller.holder(),
            means: means.clone(),
            subscription: None,
            kinds,
            looks_at: Instant::now() + gw.settings.keep_alive,
            gw: Arc::clone(gw),
            _room: room,
        };
        for server in open(&reach(&caller.grant)) {
            merged.listen_to(server);
        }
        merged
    }

    fn listen_to(&mut self, server: ServerId) {
        if self.streams.len() >= MAX_STREAMS {
            return;
        }
        let scope = Scope { live: Arc::clone(&self.live), standing: self.standing, server };
        let listener = Listener {
            gw: Arc::clone(&self.gw),
            holder: self.holder,
            means: self.means.clone(),
            scope,
            relay: None,
            pause: Duration::ZERO,
        };
        self.streams.push(unfold(listener, Listener::next).boxed());
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                // Once all servers' streams have ended, the gateway's own news are left.
                Some(bytes) = self.streams.next() => return Some(bytes),
                // However much the servers say meanwhile.
                () = tokio::time::sleep_until(self.looks_at) => {
                    self.looks_at = Instant::now() + self.gw.settings.keep_alive;
                    // Looking at the session keeps it from being forgotten meanwhile.
                    let has_ended = match &self.means {
                        Means::Session(key, _) => {
                            matches!(self.gw.sessions.find(*key).await, Ok(None))
                        }
                        Means::Subscription(..) => false,
                    };
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
                () = expiry(&self.live, self.standing, &self.gw.clock) => {
                    if !self.holds() {
                        return None;
                    }
                }
                () = self.gw.closing.cancelled() => return None,
            }
        }
    }

    /// Whether the grant still does, and calls are not paused.
    fn holds(&self) -> bool {
        let view = self.live.view();
        let grant = view.grant(self.standing, self.gw.clock.now());
        grant.is_some() && !view.is_paused && !self.live.has_ended()
    }

    /// What the client is told when the grant reaches something else than before.
    fn changed_reach(&mut self) -> Option<Bytes> {
        let view = self.live.view();
        let reach = reach(view.grant(self.standing, self.gw.clock.now())?);
        if reach == self.reach {
            return None;
        }
        // A server that is new, or no longer paused, has no stream yet; others end theirs.
        let before: Vec<_> = open(&self.reach).collect();
        for server in open(&reach).filter(|server| !before.contains(server)) {
            self.listen_to(server);
        }
        self.reach = reach;
        let lists = self.kinds.names();
        let news: Vec<_> =
            lists.map(|list| self.message(&format!("{list}/list_changed"), "")).collect();
        Some(news.concat().into())
    }

    /// A notification of the gateway's own, as an event; `members` are those of its parameters.
    fn message(&self, method: &str, members: &str) -> Bytes {
        let meta = self
            .subscription
            .as_ref()
            .map(|id| format!(r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}"#));
        let comma = if members.is_empty() || meta.is_none() { "" } else { "," };
        let meta = meta.unwrap_or_default();
        let message = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{{members}{comma}{meta}}}}}"#
        );
        sse::encode(Some("message"), None, message.as_bytes())
    }
}

// === Listener ===

/// A stream that was opened and the way back; none if it is worth another try, and an end where
/// there is nothing to hear.
type Heard = ControlFlow<(), Option<(Way, Response<Reading>)>>;

/// One server's stream in the session, opened again and again.
struct Listener {
    gw: Arc<Gateway>,
    holder: Holder,
    means: Means,
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
        let heard = match &self.means {
            Means::Session(key, row) if !binding.server.speaks_legacy => {
                self.bridged(&binding, *key, row).await?
            }
            // A server with sessions has none for a subscription: the lists that it changes are
            // seen when they are asked for.
            Means::Subscription(..) if !binding.server.speaks_modern => {
                return ControlFlow::Break(());
            }
            _ => self.direct(&binding).await?,
        };
        let Some((way, response)) = heard else { return ControlFlow::Continue(None) };
        let scope = self.scope.clone();
        let judge = match &self.means {
            Means::Session(key, _) => Judge::of_stream(&self.gw, scope.clone(), self.holder, key),
            Means::Subscription(..) => Judge::of_news(&self.gw, scope.clone(), self.holder),
        };
        ControlFlow::Continue(Some(Relay::of_news(&self.gw, judge, scope, way, response)))
    }

    async fn direct(&self, binding: &BindingView) -> Heard {
        let Ok((mut way, method, body)) = self.way(binding).await else {
            return ControlFlow::Continue(None);
        };
        let deadline = self.gw.settings.list_deadline;
        let Ok(response) = way.clone().send(&self.gw, method, body, deadline).await else {
            return ControlFlow::Continue(None);
        };
        match response.status().as_u16() {
            200..=299 if is_stream(response.headers()) => {}
            404 => {
                let Means::Session(key, _) = &self.means else { return ControlFlow::Break(()) };
                super::leave(&self.gw, *key, self.scope.server).await;
                return ControlFlow::Continue(None);
            }
            // It passes: a login that is renewed, an old stream that is not yet missed.
            401 | 403 | 408 | 409 | 425 | 429 => return ControlFlow::Continue(None),
            400..=499 => return ControlFlow::Break(()),
            _ => return ControlFlow::Continue(None),
        }
        way.headers.remove(ACCEPT);
        ControlFlow::Continue(Some((Way::with(binding, way.headers), response)))
    }

    /// Of a stateless server, over the bridge.
    async fn bridged(
        &self,
        binding: &Arc<BindingView>,
        key: SessionKey,
        row: &TenantSession,
    ) -> Heard {
        match up::listen::open(&self.gw, &self.scope, binding, key, row).await {
            Ok(Some(response)) => {
                let way = Way::with(binding, HeaderMap::new());
                ControlFlow::Continue(Some((way, response)))
            }
            Ok(None) => ControlFlow::Break(()),
            Err(_refused) => ControlFlow::Continue(None),
        }
    }

    async fn way(&self, binding: &BindingView) -> Result<(Way, HttpMethod, Bytes), Refusal> {
        match &self.means {
            Means::Session(key, row) => {
                let session =
                    Box::pin(super::join(&self.gw, *key, row, binding, &self.scope)).await?;
                let mut way = Way::opened(binding, &session).on_behalf_of(&self.scope);
                way.headers.remove(CONTENT_TYPE);
                way.headers.insert(ACCEPT, EVENT_STREAM);
                Ok((way, HttpMethod::GET, Bytes::new()))
            }
            Means::Subscription(body, headers) => {
                let way = Way::with(binding, headers.clone()).on_behalf_of(&self.scope);
                Ok((way, HttpMethod::POST, body.clone()))
            }
        }
    }
}
