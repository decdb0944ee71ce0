//! The whole product, wired: database, keys, counters, gateway, control plane, demo server,
//! background work; and how it ends.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use chrono::Utc;
use control::{App, AppParts, Passwords, RateLimits, SharedRates, SignupMode, TokenKeys};
use domain::Clock;
use domain::chain::Signer;
use domain::vault::{Keyring, derive};
use gateway::shared_sessions::RedisSessions;
use gateway::{Gateway, GatewayParts};
use mcp::client::{AddressRules, AllowRange, Authorities, Client};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::{Config, PasswordCost, Role, Signup};
use crate::database::{self, Database};
use crate::listener::Connections;
use crate::rates::RedisRates;
use crate::stop::Stop;
use crate::telemetry::{Numbers, Watched};
use crate::{audit, bus, counters, feed, keys, source, traces};

/// How long background work, and then the audit, may take to end once the last call is over.
const LAST_WORK: Duration = Duration::from_secs(25);
/// How long the database is waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The purpose of the key for recorded arguments: one plane seals, the other opens.
const ARGUMENTS: &str = "call-arguments";
/// Connections to the internal listener, which a collector or two ask.
const INTERNAL_CONNECTIONS: usize = 64;
/// How often what has expired is removed.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// How often is looked for what webhooks are to be told.
const DELIVER_EVERY: Duration = Duration::from_secs(1);
/// How often the heads of the audit logs are signed.
const SIGN_EVERY: Duration = Duration::from_mins(5);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(config: Config) -> Result<()> {
    let listener = bind(config.http.listen).await?;
    let master = keys::master_key(&config.security.master_key)?;
    let database = database::open(&config.storage).await?;
    let result = serve(&config, listener, &master, &database).await;
    if timeout(LAST_WORDS, database.pool.close()).await.is_err() {
        tracing::warn!("the database does not answer; its connections are dropped");
    }
    if let Some(postgres) = database.embedded {
        tokio::task::spawn_blocking(move || postgres.stop()).await??;
    }
    result
}

async fn serve(
    config: &Config,
    listener: TcpListener,
    master: &[u8; 32],
    database: &Database,
) -> Result<()> {
    let stop = Stop::new();
    let tasks = TaskTracker::new();
    let store = Store::new(database.pool.clone());
    let demo_url = if config.security.demo { demo(config, &stop.over, &tasks).await } else { None };
    let parts = Shared {
        config,
        store,
        master,
        upstream: upstream(config, database, demo_url.as_ref()).await?,
        demo_url,
        stop: stop.clone(),
    };
    let numbers = match config.http.internal_listen {
        Some(_) => Some(Numbers::collect()?),
        None => None,
    };
    let written = CancellationToken::new();
    let Planes { router, gateway, audit, writer } = planes(&parts, &tasks, written.clone()).await?;
    if let (Some(numbers), Some(address)) = (numbers, config.http.internal_listen) {
        let router = numbers.router(Watched { gateway: gateway.clone(), audit });
        let internal = Connections::until(stop.over.clone(), INTERNAL_CONNECTIONS);
        let listener = bind(address).await?;
        tasks.spawn(async move { internal.accept(listener, router).await });
        tasks.spawn(until(stop.over.clone(), numbers.upkeep()));
    }
    let url = config.http.public_url.as_str().trim_end_matches('/');
    progress(&format!("ready: {url}"));
    let connections = Connections::until(stop.now.clone(), config.http.max_connections);
    let notice = Duration::from_secs(config.http.drain_notice_secs);
    let stopping = stop.when_told(connections.clone(), gateway, notice);
    let ((), stopped) = tokio::join!(connections.accept(listener, router), stopping);
    stopped?;
    tasks.close();
    if timeout(LAST_WORK, tasks.wait()).await.is_err() {
        tracing::warn!("some background work did not end in time");
    }
    written.cancel();
    let abort = writer.abort_handle();
    if timeout(LAST_WORK, writer).await.is_err() {
        abort.abort();
        tracing::warn!("a part of the audit waits in the spool for the next start");
    }
    Ok(())
}

/// What both planes are made of.
struct Shared<'a> {
    config: &'a Config,
    store: Store,
    master: &'a [u8; 32],
    upstream: Client,
    demo_url: Option<Url>,
    stop: Stop,
}

/// The planes that this process serves.
struct Planes {
    router: Router,
    gateway: Option<Arc<Gateway>>,
    audit: audit::Queue,
    /// Writes the audit to its last record.
    writer: JoinHandle<()>,
}

async fn planes(
    parts: &Shared<'_>,
    tasks: &TaskTracker,
    written: CancellationToken,
) -> Result<Planes> {
    let spool = parts.config.storage.data_dir.join("spool");
    let room = parts.config.storage.spool_max_bytes;
    let (audit, writer) = audit::open(parts.store.clone(), &spool, room, written)?;
    // Not among the tasks that end with the last call, which is still to be recorded then.
    let writer = TaskTracker::new().spawn(writer);
    let role = parts.config.http.role;
    let mut router = Router::new();
    let mut enforced = None;
    let known_late = Arc::new(source::ByControl::default());
    let over = &parts.stop.over;
    if role != Role::Control {
        let gateway = gateway(parts, audit.clone(), Arc::clone(&known_late), tasks).await?;
        let store = parts.store.clone();
        tasks.spawn(until(over.clone(), bus::poll(store.clone(), Arc::clone(&gateway))));
        tasks.spawn(until(over.clone(), bus::listen(store, Arc::clone(&gateway))));
        router = router.merge(gateway::router(Arc::clone(&gateway)));
        enforced = Some(gateway);
    }
    let app = app(parts, enforced.clone())?;
    known_late.set(app.clone());
    router = router.merge(parts.stop.told_by(match role {
        Role::Gateway => control::routes::health(app),
        Role::All | Role::Control => {
            tasks.spawn(until(over.clone(), tidy(parts.store.clone())));
            tasks.spawn(until(over.clone(), deliver(app.clone())));
            let signer = signer(parts.master);
            tasks.spawn(until(over.clone(), sign_heads(parts.store.clone(), signer)));
            control::routes::router(app)
        }
    }));
    Ok(Planes { router, gateway: enforced, audit, writer })
}

async fn gateway(
    parts: &Shared<'_>,
    records: audit::Queue,
    rediscover: Arc<source::ByControl>,
    tasks: &TaskTracker,
) -> Result<Arc<Gateway>> {
    let Config { http, storage, gateway: wanted, telemetry, .. } = parts.config;
    let clock = Clock::system();
    let keyring = Keyring::single(&derive(parts.master, "upstream-auth"));
    let gateway = Gateway::new(GatewayParts {
        settings: gateway::Settings {
            loopback: http.listen.ip().is_loopback(),
            allowed_hosts: http.allowed_hosts.clone(),
            allowed_origins: http.allowed_origins.clone(),
            max_request_bytes: wanted.max_request_bytes,
            max_answer_bytes: wanted.max_answer_bytes,
            call_deadline: Duration::from_secs(wanted.call_deadline_secs),
            max_in_flight: wanted.max_in_flight,
            max_at_server: wanted.max_at_server,
            replicas: wanted.replicas,
            issuer: http.public_url.clone(),
            ..gateway::Settings::at(http.gateway_url.clone())
        },
        source: Arc::new(source::Database::new(parts.store.clone(), keyring, rediscover)),
        records: Arc::new(records),
        counters: counters::open(storage, clock.clone()).await?,
        client: parts.upstream.clone(),
        keyring: Keyring::single(&derive(parts.master, "mcp-session")),
        arguments: Keyring::single(&derive(parts.master, ARGUMENTS)),
        clock,
    });
    let gateway = match &storage.redis_url {
        None => gateway,
        Some(url) => gateway.with_sessions(Arc::new(RedisSessions::open(url)?)),
    };
    Ok(Arc::new(match &telemetry.otlp_endpoint {
        None => gateway,
        Some(collector) => {
            let over = parts.stop.over.clone();
            let (traces, export) = traces::open(collector, telemetry.trace_share, over)?;
            tasks.spawn(export);
            gateway.with_traces(Arc::new(traces))
        }
    }))
}

fn app(parts: &Shared<'_>, gateway: Option<Arc<Gateway>>) -> Result<App> {
    let Config { http, security, storage, .. } = parts.config;
    let store = parts.store.clone();
    Ok(App::new(AppParts {
        clock: Clock::system(),
        keyring: Keyring::single(&derive(parts.master, "upstream-auth")),
        arguments: Keyring::single(&derive(parts.master, ARGUMENTS)),
        token_keys: token_keys(parts.master, security.access_key_version, &http.public_url),
        checkpoint_key: signer(parts.master).public(),
        passwords: passwords(security.password_cost)?,
        upstream: parts.upstream.clone(),
        changes: Arc::new(bus::Local::new(store.clone(), gateway)),
        calls: Arc::new(feed::Feed::new(store.clone(), parts.stop.now.clone())),
        settings: control::Settings {
            public_url: http.public_url.clone(),
            gateway_url: http.gateway_url.clone(),
            signup: match security.signup {
                Signup::Open => SignupMode::Open,
                Signup::Invite => SignupMode::Invite,
                Signup::Closed => SignupMode::Closed,
            },
            allowed_hosts: http.allowed_hosts.clone(),
            demo_url: parts.demo_url.clone(),
            trusted_proxies: http.trusted_proxies.clone(),
            rates: RateLimits {
                api_per_minute: http.api_per_minute.get(),
                sign_in_per_minute: http.sign_in_per_minute.get(),
            },
        },
        shared_rates: match &storage.redis_url {
            None => None,
            Some(url) => Some(Arc::new(RedisRates::open(url)?) as Arc<dyn SharedRates>),
        },
        store,
    }))
}

/// The key of this version signs; its neighbours are accepted, so that replicas of the old and the
/// new setting understand each other's tokens.
fn token_keys(master: &[u8; 32], version: u16, public_url: &Url) -> TokenKeys {
    let others = [version.saturating_sub(1), version.saturating_add(1)];
    let others: Vec<[u8; 32]> = others
        .into_iter()
        .filter(|other| *other > 0 && *other != version)
        .map(|other| keys::access_key(master, other))
        .collect();
    TokenKeys::new(&keys::access_key(master, version), &others, public_url)
}

fn passwords(cost: PasswordCost) -> Result<Passwords> {
    let params = argon2::Params::new(cost.memory_kib, cost.passes, 1, None)
        .map_err(|error| anyhow!("DRAWBRIDGE_PASSWORD_MEMORY_KIB and _PASSES: {error}"))?;
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Passwords::new(params, at_once)?)
}

/// The client of both planes towards upstream servers.
async fn upstream(config: &Config, database: &Database, demo: Option<&Url>) -> Result<Client> {
    let authorities = match &config.security.upstream_ca_file {
        None => Authorities::default(),
        Some(file) => authorities(file)
            .with_context(|| format!("DRAWBRIDGE_UPSTREAM_CA_FILE: {}", file.display()))?,
    };
    Ok(Client::trusting(addresses(config, database, demo).await, authorities)?)
}

/// The certificate authorities in a file.
pub(crate) fn authorities(file: &Path) -> Result<Authorities> {
    Ok(Authorities::from_pem(&std::fs::read(file)?)?)
}

/// Which addresses upstream servers may have: never our own database, counters and listeners.
async fn addresses(config: &Config, database: &Database, demo: Option<&Url>) -> AddressRules {
    let redis = match &config.storage.redis_url {
        Some(url) => database::addresses_of(url, 6379).await,
        None => Vec::new(),
    };
    let listeners = [Some(config.http.listen), config.http.internal_listen];
    let never = listeners.into_iter().flatten().chain(database.addresses.clone()).chain(redis);
    let mut allow = config.security.upstream_allow.clone();
    let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
    if let Some(port) = demo.and_then(Url::port) {
        allow.push(AllowRange { net: loopback.into(), port: Some(port) });
    }
    AddressRules { allow, loopback: config.http.listen.ip().is_loopback(), never: never.collect() }
}

/// Starts the demo server on a loopback port that stays the same from start to start, because
/// registered servers keep its URL. Without it the product still runs.
async fn demo(config: &Config, stop: &CancellationToken, tasks: &TaskTracker) -> Option<Url> {
    let port = match config.http.listen.port() {
        0 => 0,
        port => port.checked_add(10_000).unwrap_or_else(|| port.saturating_sub(10_000)),
    };
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, port, "the demo server does not run: its port is taken");
            return None;
        }
    };
    let port = listener.local_addr().ok()?.port();
    let ended = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = demo::serve(listener, ended).await {
            tracing::warn!(%error, "the demo server ended");
        }
    });
    format!("http://127.0.0.1:{port}/mcp").parse().ok()
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; stop what listens there or choose another address with \
             DRAWBRIDGE_LISTEN"
        )
    })
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    // Whatever the work was doing can be dropped at any point.
    let _ended = stop.run_until_cancelled(work).await;
}

/// Signs the heads of the audit logs.
fn signer(master: &[u8; 32]) -> Signer {
    Signer::new(&derive(master, "audit-checkpoints"))
}

/// Signs what was added to the audit logs, now and then.
async fn sign_heads(store: Store, signer: Signer) {
    let mut ticks = interval(SIGN_EVERY);
    loop {
        ticks.tick().await;
        if let Err(cause) = store.sign_heads(&signer, Utc::now()).await {
            tracing::warn!(error = ?cause, "the heads of the audit logs are not signed yet");
        }
    }
}

/// Tells webhooks what happened, as it happens.
async fn deliver(app: App) {
    let mut ticks = interval(DELIVER_EVERY);
    loop {
        ticks.tick().await;
        match app.deliver_webhooks().await {
            // More may be waiting.
            Ok(sent) if sent > 0 => ticks.reset_immediately(),
            Ok(_) => {}
            Err(cause) => tracing::warn!(error = ?cause, "webhooks are not told yet"),
        }
    }
}

/// Removes what has expired, now and then.
async fn tidy(store: Store) {
    let mut ticks = interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        let now = Utc::now();
        if let Err(cause) = store.purge_sessions(now).await {
            tracing::warn!(error = ?cause, "expired sessions are not removed yet");
        }
        if let Err(cause) = store.purge_deliveries(now).await {
            tracing::warn!(error = ?cause, "old deliveries are not removed yet");
        }
        if let Err(cause) = store.purge_idempotency_keys(now).await {
            tracing::warn!(error = ?cause, "old idempotency keys are not removed yet");
        }
        if let Err(cause) = store.purge_connections(now).await {
            tracing::warn!(error = ?cause, "expired connections are not removed yet");
        }
        if let Err(cause) = store.purge_calls(now).await {
            tracing::warn!(error = ?cause, "old calls are not removed yet");
        }
    }
}

/// One line for the person who started it.
pub(crate) fn progress(step: &str) {
    // A closed standard error stops nobody.
    let _written = writeln!(std::io::stderr(), "drawbridge: {step}");
}
