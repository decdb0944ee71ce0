//! The sessions with servers behind one session of a client: opened when first needed, one for
//! each, shared by all calls of that client and by nobody else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ServerId;
use futures_util::future::join_all;
use http::Method as HttpMethod;
use mcp::method::Method;
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use crate::gateway::Gateway;
use crate::identify::Caller;
use crate::refusal::Refusal;
use crate::session::joined::Joined;
use crate::session::store::{SessionKey, TenantSession, UpstreamSession};
use crate::upstream::ask::Failure;
use crate::upstream::handshake;
use crate::upstream::judge::Scope;
use crate::upstream::wire::{self, Way};
use crate::view::BindingView;

const MAX_OPENED: u64 = 100_000;
const IDLE: Duration = Duration::from_hours(1);
/// How long is waited for servers to hear of something that wants no answer.
const NEWS_DEADLINE: Duration = Duration::from_secs(3);

/// Sessions with servers that this replica knows of, so that the store is asked once.
pub(crate) struct Opened(Cache<(SessionKey, ServerId), UpstreamSession>);

impl Default for Opened {
    fn default() -> Self {
        Self(
            Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(MAX_OPENED)
                .time_to_idle(IDLE)
                .build(),
        )
    }
}

/// The session with one server, opened if need be; many calls at once open one.
pub(crate) async fn join(
    gw: &Arc<Gateway>,
    key: SessionKey,
    row: &TenantSession,
    binding: &BindingView,
    scope: &Scope,
) -> Result<UpstreamSession, Refusal> {
    let server = binding.server.id;
    let open = async {
        let lost = |_lost| Failure::of("The gateway's session store is out of reach.");
        if let Some(known) = gw.sessions.upstream(key, server).await.map_err(lost)? {
            return Ok(known);
        }
        let (opened, _) = handshake::open(gw, binding, &row.params, scope).await?;
        gw.sessions.join(key, server, opened).await.map_err(lost)
    };
    let joined = gw.opened.0.try_get_with((key, server), open).await;
    joined.map_err(|failure: Arc<Failure>| Refusal::Upstream(failure.text.clone()))
}

/// Forgets a session that its server no longer knows.
pub(crate) async fn leave(gw: &Gateway, key: SessionKey, server: ServerId) {
    gw.opened.0.invalidate(&(key, server)).await;
    if gw.sessions.leave(key, server).await.is_err() {
        tracing::warn!("a session with a server could not be forgotten");
    }
}

/// The way to a server that asked something within the session.
pub(crate) async fn way_back(
    gw: &Gateway,
    key: SessionKey,
    binding: &BindingView,
) -> Result<Way, Refusal> {
    let known = gw.sessions.upstream(key, binding.server.id).await;
    let session = known.map_err(|_lost| Refusal::Unavailable)?.ok_or(Refusal::NoSession)?;
    Ok(Way::opened(binding, &session))
}

/// Tells every server with an open session what concerns them all.
pub(crate) async fn broadcast(
    gw: &Gateway,
    caller: &Caller,
    session: &Joined,
    method: Method,
    bytes: &Bytes,
) {
    let concerns_all =
        [Method::Cancelled, Method::Progress, Method::RootsListChanged].contains(&method);
    let Joined::Tenant(key, _) = session else { return };
    if !concerns_all {
        return;
    }
    let open = caller.grant.bindings.iter().filter(|binding| !binding.server.is_paused);
    let told = open.map(|binding| async {
        if let Ok(Some(open)) = gw.sessions.upstream(*key, binding.server.id).await {
            let _taken = wire::note(gw, Way::opened(binding, &open), bytes.clone()).await;
        }
    });
    let _in_time = tokio::time::timeout(NEWS_DEADLINE, join_all(told)).await;
}

/// Ends a session, and those with servers that stood behind it.
pub(crate) async fn end(gw: &Gateway, caller: &Caller, key: SessionKey) -> Result<(), Refusal> {
    let open = gw.sessions.remove(key).await.map_err(|_lost| Refusal::Unavailable)?;
    let ended = open.iter().map(|(server, session)| async {
        gw.opened.0.invalidate(&(key, *server)).await;
        if let Some(binding) = caller.grant.binding_to(*server)
            && session.id.is_some()
        {
            let way = Way::opened(binding, session);
            let _ended = way.send(gw, HttpMethod::DELETE, Bytes::new(), NEWS_DEADLINE).await;
        }
    });
    let _in_time = tokio::time::timeout(NEWS_DEADLINE, join_all(ended)).await;
    Ok(())
}
