//! [`App`]: what every request shares. Its fields are private: a handler reaches the store only
//! through its guard, and the outside world only through the acts.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::chain::PublicKey;
use domain::vault::Keyring;
use domain::{CallRecord, Clock, OrganisationId};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use ipnet::IpNet;
use mcp::client::Client;
use store::Store;
use url::Url;

use crate::oauth::client::Documents;
use crate::password::Passwords;
use crate::rates::{RateLimits, Rates, SharedRates};
use crate::throttle::Throttle;
use crate::token::TokenKeys;
use crate::turns::Turns;

/// The shared state of the control plane. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What [`App`] is made of; the binary and the tests put it together.
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Seals upstream credentials.
    pub keyring: Keyring,
    /// Opens the recorded values of arguments.
    pub arguments: Keyring,
    /// Signs and checks access tokens.
    pub token_keys: TokenKeys,
    /// Checks signed heads of the audit logs; published.
    pub checkpoint_key: PublicKey,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The one client towards upstream servers, with the rules for their addresses.
    pub upstream: Client,
    /// Told of every committed change.
    pub changes: Arc<dyn Changes>,
    /// Where finished calls can be watched.
    pub calls: Arc<dyn CallFeed>,
    /// What the operator chose.
    pub settings: Settings,
    /// Where requests are counted by all replicas together, if there is such a place.
    pub shared_rates: Option<Arc<dyn SharedRates>>,
}

/// What the operator chose for the control plane.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where browsers reach this control plane; decides about `Secure` cookies.
    pub public_url: Url,
    /// Where MCP clients reach the gateway.
    pub gateway_url: Url,
    /// Who may make an account.
    pub signup: SignupMode,
    /// Further names, beside the public URL's, under which this is asked for.
    pub allowed_hosts: Vec<String>,
    /// The built-in demo server, where it runs.
    pub demo_url: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How often one credential or address may ask.
    pub rates: RateLimits,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupMode {
    /// Anyone.
    Open,
    /// Those whom a member invited.
    Invite,
    /// Nobody; the operator makes accounts at the command line.
    Closed,
}

/// Hears of committed changes, so that this replica enforces them before the answer is given.
/// Other replicas hear of them from the database.
pub trait Changes: Send + Sync + 'static {
    /// Resolves once this replica's gateway enforces what is committed for `organisation`.
    fn changed(&self, organisation: OrganisationId) -> BoxFuture<'_, ()>;
}

/// Finished calls as they are recorded, for pages that watch them arrive.
pub trait CallFeed: Send + Sync + 'static {
    /// The calls of one organisation from now on.
    fn subscribe(&self, organisation: OrganisationId) -> BoxStream<'static, CallRecord>;
}

struct Inner {
    parts: AppParts,
    throttle: Throttle,
    rates: Rates,
    documents: Documents,
    backtests: Turns,
}

impl App {
    /// The control plane of these parts.
    pub fn new(parts: AppParts) -> Self {
        let rates = Rates::new(parts.shared_rates.clone());
        Self(Arc::new(Inner {
            parts,
            throttle: Throttle::default(),
            rates,
            documents: Documents::default(),
            backtests: Turns::default(),
        }))
    }

    /// The time now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.parts.clock.now()
    }

    /// What the operator chose.
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The store. For guards, sign-in and the liveness check; handlers use `Can::tx`.
    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// Seals and opens upstream credentials.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.parts.keyring
    }

    /// Opens the recorded values of arguments.
    pub(crate) fn arguments(&self) -> &Keyring {
        &self.0.parts.arguments
    }

    /// Access tokens.
    pub(crate) fn token_keys(&self) -> &TokenKeys {
        &self.0.parts.token_keys
    }

    /// The key of signed heads of the audit logs.
    pub(crate) fn checkpoint_key(&self) -> &PublicKey {
        &self.0.parts.checkpoint_key
    }

    /// Password hashes.
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.parts.passwords
    }

    /// The client towards upstream servers.
    pub(crate) fn upstream(&self) -> &Client {
        &self.0.parts.upstream
    }

    /// Told of every committed change; `Can::commit` does so.
    pub(crate) fn changes(&self) -> &dyn Changes {
        self.0.parts.changes.as_ref()
    }

    /// Finished calls as they are recorded.
    pub(crate) fn calls(&self) -> &dyn CallFeed {
        self.0.parts.calls.as_ref()
    }

    /// Counts requests.
    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Descriptions of MCP clients that were fetched.
    pub(crate) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// Counts attempts to sign in.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// Who reads many past calls.
    pub(crate) fn backtests(&self) -> &Turns {
        &self.0.backtests
    }
}
