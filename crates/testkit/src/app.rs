//! The control plane in a test: the real router over a real database, a clock that stands, cheap
//! password hashes.

use std::sync::{Arc, Mutex};

use axum::Router;
use chrono::Utc;
use control::{
    App, AppParts, CallFeed, Changes, Passwords, RateLimits, Settings, SignupMode, TokenKeys,
};
use domain::chain::Signer;
use domain::vault::Keyring;
use domain::{CallRecord, Clock, OrganisationId};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use mcp::client::{AddressRules, AllowRange, Client};
use sqlx::PgPool;
use store::Store;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::actor::Actor;
use crate::tenant::Tenant;

/// The name under which the app is asked for.
pub(crate) const HOST: &str = "bridge.test";

/// A control plane.
#[derive(Clone)]
pub struct TestApp {
    /// Its router, layers included.
    pub router: Router,
    /// The app itself.
    pub app: App,
    /// Its database.
    pub store: Store,
    /// Its clock; advance it.
    pub clock: Clock,
    /// The key that seals its credentials.
    pub keyring: Keyring,
    /// The key that seals recorded arguments.
    pub arguments: Keyring,
    /// What it told the gateway.
    pub told: Told,
    calls: broadcast::Sender<CallRecord>,
}

impl TestApp {
    /// The product as it comes: sign-up is open, loopback upstreams are allowed.
    pub fn new(pool: PgPool) -> Self {
        Self::with(pool, |_settings, _rules| {})
    }

    /// The product, adjusted.
    pub fn with(pool: PgPool, adjust: impl FnOnce(&mut Settings, &mut AddressRules)) -> Self {
        let mut settings = Settings {
            public_url: format!("http://{HOST}").parse().unwrap(),
            gateway_url: "https://gateway.test".parse().unwrap(),
            signup: SignupMode::Open,
            allowed_hosts: Vec::new(),
            demo_url: None,
            trusted_proxies: Vec::new(),
            rates: RateLimits { api_per_minute: 1_000_000, sign_in_per_minute: 1_000_000 },
        };
        let loopback = AllowRange { net: "127.0.0.0/8".parse().unwrap(), port: None };
        let mut rules = AddressRules { allow: vec![loopback], ..AddressRules::default() };
        adjust(&mut settings, &mut rules);
        let (store, clock) = (Store::new(pool), Clock::fixed(Utc::now()));
        let (told, keyring) = (Told::default(), Keyring::single(&[1; 32]));
        let arguments = Keyring::single(&[3; 32]);
        let (calls, _) = broadcast::channel(64);
        let app = App::new(AppParts {
            store: store.clone(),
            clock: clock.clone(),
            keyring: keyring.clone(),
            arguments: arguments.clone(),
            token_keys: TokenKeys::new(&[2; 32], &[], &settings.public_url),
            checkpoint_key: Signer::new(&[3; 32]).public(),
            passwords: Passwords::new(argon2::Params::new(64, 1, 1, None).unwrap(), 2).unwrap(),
            upstream: Client::new(rules).unwrap(),
            changes: Arc::new(told.clone()),
            calls: Arc::new(Feed(calls.clone())),
            settings,
            shared_rates: None,
        });
        let router = control::routes::router(app.clone());
        Self { router, app, store, clock, keyring, arguments, told, calls }
    }

    /// Who presents nothing.
    pub fn anonymous(&self) -> Actor {
        Actor::anonymous(self.router.clone())
    }

    /// A new organisation with its people.
    pub async fn tenant(&self, slug: &str) -> Tenant {
        Tenant::new(self, slug).await
    }

    /// How many watch the feed of finished calls.
    pub fn watchers(&self) -> usize {
        self.calls.receiver_count()
    }

    /// Lets a finished call appear in the feed.
    pub fn record(&self, call: CallRecord) {
        // Nobody may be watching.
        let _watchers = self.calls.send(call);
    }
}

/// The organisations whose changes the gateway was told of, in order.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Vec<OrganisationId>>>);

impl Told {
    /// How often it was told of this one.
    pub fn count(&self, organisation: OrganisationId) -> usize {
        self.0.lock().unwrap().iter().filter(|told| **told == organisation).count()
    }
}

impl Changes for Told {
    fn changed(&self, organisation: OrganisationId) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(organisation);
        Box::pin(std::future::ready(()))
    }
}

struct Feed(broadcast::Sender<CallRecord>);

impl CallFeed for Feed {
    fn subscribe(&self, organisation: OrganisationId) -> BoxStream<'static, CallRecord> {
        BroadcastStream::new(self.0.subscribe())
            .filter_map(move |call| {
                std::future::ready(call.ok().filter(|call| call.organisation() == organisation))
            })
            .boxed()
    }
}
