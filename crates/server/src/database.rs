//! The database: the operator's, or one of our own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use embedded::{Install, Postgres, Settings};
use sqlx::PgPool;
use sqlx::migrate::Migrate;
use sqlx::postgres::PgPoolOptions;
use store::MIGRATOR;

use crate::config::Storage;

/// An open database.
pub(crate) struct Database {
    /// Connections to it.
    pub(crate) pool: PgPool,
    /// Our own Postgres, to be stopped in the end.
    pub(crate) embedded: Option<Postgres>,
    /// Where it is: no upstream server may be there.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Opens the database that `serve` uses. Our own is made and migrated; the operator's must be
/// up to date already, because several processes may start at once.
pub(crate) async fn open(storage: &Storage) -> Result<Database> {
    if let Some(url) = &storage.database_url {
        let pool = connect(url, storage.database_connections).await?;
        check(&pool).await?;
        return Ok(Database { addresses: addresses_of(url, 5432).await, pool, embedded: None });
    }
    let folder = storage.data_dir.join("postgres");
    let postgres = tokio::task::spawn_blocking(move || start(&folder)).await??;
    let pool = connect(&postgres.url(), storage.database_connections).await?;
    migrate(&pool).await?;
    Ok(Database { addresses: vec![postgres.address()], pool, embedded: Some(postgres) })
}

fn start(folder: &Path) -> Result<Postgres> {
    let settings = Settings {
        install: Install::IfAllowed,
        progress: &|step: &str| crate::product::progress(step),
        ..Settings::new("drawbridge", folder)
    };
    Ok(Postgres::start(&settings)?)
}

/// Connects, or says in one sentence why not.
pub(crate) async fn connect(url: &str, connections: u32) -> Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect(url)
        .await
        .context("cannot reach the database of DATABASE_URL")
}

/// Applies what is missing; gives how many migrations that were.
pub(crate) async fn migrate(pool: &PgPool) -> Result<usize> {
    let before = applied(pool).await?.len();
    MIGRATOR.run(pool).await.context("the database cannot be brought to this version's schema")?;
    Ok(applied(pool).await?.len() - before)
}

/// Refuses a database whose schema is not this version's.
pub(crate) async fn check(pool: &PgPool) -> Result<()> {
    let applied = applied(pool).await?;
    let missing = MIGRATOR.iter().filter(|m| !applied.contains(&m.version)).count();
    if missing > 0 {
        bail!("the database lacks {missing} migrations; run `drawbridge migrate` first");
    }
    Ok(())
}

async fn applied(pool: &PgPool) -> Result<BTreeSet<i64>> {
    let mut connection = pool.acquire().await?;
    let table = MIGRATOR.table_name.as_ref();
    connection.ensure_migrations_table(table).await?;
    let applied = connection.list_applied_migrations(table).await?;
    Ok(applied.into_iter().map(|migration| migration.version).collect())
}

/// The addresses of the host that a URL names, as they resolve now.
pub(crate) async fn addresses_of(url: &str, default_port: u16) -> Vec<SocketAddr> {
    let Ok(url) = url::Url::parse(url) else { return Vec::new() };
    let Some(host) = url.host_str() else { return Vec::new() };
    let host = host.trim_matches(['[', ']']);
    let port = url.port().unwrap_or(default_port);
    match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            tracing::warn!(%error, "a host of the configuration does not resolve");
            Vec::new()
        }
    }
}
