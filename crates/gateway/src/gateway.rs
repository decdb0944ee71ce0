//! The gateway itself: what all calls share, made once.

use std::sync::Arc;

use domain::Clock;
use domain::vault::Keyring;
use mcp::client::Client;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::front::doors::Doors;
use crate::limits::CounterStore;
use crate::limits::gate::Gate;
use crate::meters::Meters;
use crate::records::Records;
use crate::session::seal::Seals;
use crate::session::store::{MemorySessions, SessionStore};
use crate::settings::Settings;
use crate::source::Source;
use crate::tenant::Opened;
use crate::upstream::Channels;
use crate::upstream::resumed::Resumable;
use crate::view::Views;

/// Calls that go on upstream after their client has gone, at most.
const MAX_LINGERING: usize = 1_024;

/// What a gateway is made of.
pub struct GatewayParts {
    /// What an operator may set.
    pub settings: Settings,
    /// Where views come from.
    pub source: Arc<dyn Source>,
    /// Where records go.
    pub records: Arc<dyn Records>,
    /// Where limits are counted.
    pub counters: Arc<dyn CounterStore>,
    /// The guarded client to upstream servers.
    pub client: Client,
    /// Seals session ids; the same on every replica.
    pub keyring: Keyring,
    /// The time.
    pub clock: Clock,
}

/// The data plane of one replica.
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) doors: Doors,
    pub(crate) views: Views,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) gate: Gate,
    pub(crate) seals: Seals,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) opened: Opened,
    pub(crate) tasks: crate::tasks::Known,
    pub(crate) resumable: Resumable,
    pub(crate) channels: Channels,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    /// Calls that go on after their client has gone, as the eras with sessions want it.
    pub(crate) lingering: TaskTracker,
    pub(crate) linger_room: Arc<Semaphore>,
    pub(crate) closing: CancellationToken,
}

impl Gateway {
    /// A gateway that keeps the sessions of per-tenant URLs in process.
    pub fn new(parts: GatewayParts) -> Self {
        let GatewayParts { settings, source, records, counters, client, keyring, clock } = parts;
        Self {
            doors: Doors::new(&settings),
            views: Views::new(source, clock.clone(), settings.max_in_flight),
            records,
            gate: Gate::new(counters, clock.clone(), settings.replicas),
            seals: Seals::new(keyring),
            sessions: Arc::new(MemorySessions::default()),
            opened: Opened::default(),
            tasks: crate::tasks::Known::default(),
            resumable: Resumable::default(),
            channels: Channels::default(),
            client,
            clock,
            meters: Arc::new(Meters::new()),
            lingering: TaskTracker::new(),
            linger_room: Arc::new(Semaphore::new(MAX_LINGERING)),
            closing: CancellationToken::new(),
            settings,
        }
    }

    /// The same, with sessions of per-tenant URLs that all replicas share.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Arc<dyn SessionStore>) -> Self {
        self.sessions = sessions;
        self
    }

    /// The views in memory: to be told of changes, and polled.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// Ends the streams that would not end by themselves. Calls in flight go on.
    pub fn close(&self) {
        self.closing.cancel();
        self.lingering.close();
    }
}
