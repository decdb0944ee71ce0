//! The gateway itself: what all calls share, made once.

use std::sync::Arc;

use domain::Clock;
use domain::vault::Keyring;
use mcp::client::Client;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bridge::Bridges;
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
use crate::traces::Traces;
use crate::upstream::Channels;
use crate::upstream::resumed::Resumable;
use crate::view::{Bounds, Views};

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
    /// Seals the values of arguments that an organisation has recorded.
    pub arguments: Keyring,
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
    pub(crate) arguments: Keyring,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) opened: Opened,
    pub(crate) tasks: crate::tasks::Known,
    pub(crate) resumable: Resumable,
    pub(crate) channels: Channels,
    pub(crate) bridges: Bridges,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) traces: Option<Arc<dyn Traces>>,
    /// Calls that go on after their client has gone, as the eras with sessions want it.
    pub(crate) lingering: TaskTracker,
    pub(crate) linger_room: Arc<Semaphore>,
    pub(crate) closing: CancellationToken,
    pub(crate) cutting: CancellationToken,
}

impl Gateway {
    /// A gateway that keeps the sessions of per-tenant URLs in process.
    pub fn new(parts: GatewayParts) -> Self {
        let GatewayParts { settings, source, records, counters, client, keyring, arguments, clock } =
            parts;
        let meters = Arc::new(Meters::new());
        let bounds =
            Bounds { organisation: settings.max_in_flight, server: settings.max_at_server };
        Self {
            doors: Doors::new(&settings),
            views: Views::new(source, clock.clone(), bounds),
            records,
            gate: Gate::new(counters, clock.clone(), settings.replicas, Arc::clone(&meters)),
            seals: Seals::new(keyring),
            arguments,
            sessions: Arc::new(MemorySessions::default()),
            opened: Opened::default(),
            tasks: crate::tasks::Known::default(),
            resumable: Resumable::default(),
            channels: Channels::default(),
            bridges: Bridges::new(settings.bridge_idle),
            client,
            clock,
            meters,
            traces: None,
            lingering: TaskTracker::new(),
            linger_room: Arc::new(Semaphore::new(MAX_LINGERING)),
            closing: CancellationToken::new(),
            cutting: CancellationToken::new(),
            settings,
        }
    }

    /// The same, with sessions of per-tenant URLs that all replicas share.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Arc<dyn SessionStore>) -> Self {
        self.sessions = sessions;
        self
    }

    /// The same, with spans of its calls for somebody.
    #[must_use]
    pub fn with_traces(mut self, traces: Arc<dyn Traces>) -> Self {
        self.traces = Some(traces);
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

    /// Ends the calls in flight, each with an answer that says so. For the last moment before
    /// the process ends.
    pub fn cut(&self) {
        self.cutting.cancel();
    }

    /// Brings those metrics up to date that are counts of what is there, rather than of what
    /// happened.
    pub fn observe(&self) {
        let (views, streams) = self.views.census();
        self.meters.census(views, streams);
    }
}
