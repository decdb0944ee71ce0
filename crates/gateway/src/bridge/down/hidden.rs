//! Sessions that the gateway keeps with servers for clients that have none. One for each grant,
//! server and set of what the client can be asked; never shared between grants. Unused ones are
//! ended, and the server is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use domain::{GrantId, ServerId, Transport};
use http::Method as HttpMethod;
use mcp::version::ProtocolVersion;
use moka::future::Cache;
use moka::policy::EvictionPolicy;

use crate::bridge::askable::Askable;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::session::store::UpstreamSession;
use crate::upstream::ask::Failure;
use crate::upstream::handshake;
use crate::upstream::judge::Scope;
use crate::upstream::wire::{self, Way};
use crate::view::BindingView;

/// Sessions of one replica; of more, the least used ends.
const MAX: u64 = 10_000;
/// How often it is looked for sessions to end.
const SWEEP: Duration = Duration::from_secs(15);
/// How long a server may take to hear that a session ended.
const END_DEADLINE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    grant: GrantId,
    server: ServerId,
    askable: Askable,
}

/// All hidden sessions of one replica.
pub(crate) struct Pool {
    open: Cache<Key, Arc<Hidden>>,
    is_swept: AtomicBool,
}

/// One session; it ends when nobody has it any more.
pub(crate) struct Hidden {
    gw: Weak<Gateway>,
    binding: Arc<BindingView>,
    scope: Scope,
    key: Option<Key>,
    session: UpstreamSession,
    hello: Bytes,
    /// The server ended it, so there is nothing to end.
    is_gone: AtomicBool,
}

impl Pool {
    /// Sessions that end when they were not used for so long.
    pub(crate) fn new(idle: Duration) -> Self {
        let open = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(MAX)
            .time_to_idle(idle)
            .build();
        Self { open, is_swept: AtomicBool::new(false) }
    }

    /// The session for a grant, opened if need be; many calls at once open one.
    pub(crate) async fn join(
        &self,
        gw: &Arc<Gateway>,
        binding: &Arc<BindingView>,
        scope: &Scope,
        askable: Askable,
    ) -> Result<Arc<Hidden>, Refusal> {
        // On the one stream of the old transport nobody can tell whose call a question belongs
        // to: who can be asked shares it with no other call.
        if binding.server.transport == Transport::Sse && askable != Askable::default() {
            let own = Hidden::open(gw, binding, scope, askable, None).await;
            return own.map_err(|failure| Refusal::Upstream(failure.text));
        }
        let key = Key { grant: scope.standing.grant, server: scope.server, askable };
        if self.open.get(&key).await.is_some_and(|known| !known.reaches(binding)) {
            self.open.invalidate(&key).await;
        }
        self.sweep(gw);
        let opening = Hidden::open(gw, binding, scope, askable, Some(key));
        let joined = self.open.try_get_with(key, Box::pin(opening)).await;
        joined.map_err(|failure: Arc<Failure>| Refusal::Upstream(failure.text.clone()))
    }

    /// Forgets a session that its server no longer knows.
    pub(crate) async fn forget(&self, session: &Arc<Hidden>) {
        session.is_gone.store(true, Ordering::Release);
        let Some(key) = session.key else { return };
        // Another call may have opened its successor meanwhile.
        if self.open.get(&key).await.is_some_and(|known| Arc::ptr_eq(&known, session)) {
            self.open.invalidate(&key).await;
        }
    }

    /// Sees to it that unused sessions end though nobody asks for one.
    fn sweep(&self, gw: &Arc<Gateway>) {
        if self.is_swept.swap(true, Ordering::AcqRel) {
            return;
        }
        let (weak, closing) = (Arc::downgrade(gw), gw.closing.clone());
        let every = SWEEP.min(gw.settings.bridge_idle);
        gw.lingering.spawn(async move {
            while closing.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                let Some(gw) = weak.upgrade() else { return };
                gw.bridges.hidden.open.run_pending_tasks().await;
            }
        });
    }
}

impl Hidden {
    /// Opens a session. Without a key it is nobody's but the caller's.
    pub(super) async fn open_own(
        gw: &Arc<Gateway>,
        binding: &Arc<BindingView>,
        scope: &Scope,
    ) -> Result<Arc<Self>, Refusal> {
        let opened = Self::open(gw, binding, scope, Askable::default(), None).await;
        opened.map_err(|failure| Refusal::Upstream(failure.text))
    }

    async fn open(
        gw: &Arc<Gateway>,
        binding: &Arc<BindingView>,
        scope: &Scope,
        askable: Askable,
        key: Option<Key>,
    ) -> Result<Arc<Self>, Failure> {
        let params = format!(
            r#"{{"protocolVersion":"{}","capabilities":{},"clientInfo":{{"name":"drawbridge","version":"{}"}}}}"#,
            ProtocolVersion::LATEST_LEGACY,
            askable.written(),
            env!("CARGO_PKG_VERSION")
        );
        let (session, hello) = handshake::open(gw, binding, &params, scope).await?;
        let (binding, scope) = (Arc::clone(binding), scope.clone());
        let (gw, is_gone) = (Arc::downgrade(gw), AtomicBool::new(false));
        Ok(Arc::new(Self { gw, binding, scope, key, session, hello, is_gone }))
    }

    /// Whether it is a session with the very server that is to be called, as it is known.
    pub(super) fn reaches(&self, binding: &BindingView) -> bool {
        let (ours, theirs) = (&self.binding.server, &binding.server);
        ours.uri == theirs.uri && ours.auth_headers == theirs.auth_headers
    }

    /// The way to the server, in this session.
    pub(crate) fn way(&self) -> Way {
        Way::opened(&self.binding, &self.session).on_behalf_of(&self.scope)
    }

    /// Whether the server gave it an id.
    pub(super) fn has_id(&self) -> bool {
        self.session.id.is_some()
    }

    /// The server's answer to `initialize`.
    pub(super) fn hello(&self) -> &[u8] {
        &self.hello
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let is_open = self.has_id() && !self.is_gone.load(Ordering::Acquire);
        let Some(gw) = self.gw.upgrade().filter(|_| is_open) else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (way, sender) = (self.way(), Arc::clone(&gw));
        wire::linger(&gw, END_DEADLINE, async move {
            let _ended = way.send(&sender, HttpMethod::DELETE, Bytes::new(), END_DEADLINE).await;
        });
    }
}
