//! `drawbridge doctor`.

use std::net::TcpListener;

use anyhow::{Result, bail};

use super::{runtime, say};
use crate::config::{Config, MasterKey};
use crate::{counters, database, keys, product};

/// Checks one thing after another; code 1 if anything is wrong.
pub(super) fn run(config: &Config) -> Result<()> {
    let mut wrong = 0;
    let mut check = |what: &str, result: Result<String>| -> Result<()> {
        match result {
            Ok(found) => say(&format!("ok     {what}: {found}")),
            Err(error) => {
                wrong += 1;
                say(&format!("wrong  {what}: {error:#}"))
            }
        }
    };
    check("address", free(config))?;
    check("master key", key(config))?;
    check("authorities of servers", authorities(config))?;
    let runtime = runtime()?;
    check("Postgres", runtime.block_on(postgres(config)))?;
    check("counters", runtime.block_on(redis(config)))?;
    if wrong > 0 {
        bail!("{wrong} of these need attention");
    }
    Ok(())
}

fn free(config: &Config) -> Result<String> {
    TcpListener::bind(config.http.listen)?;
    Ok(format!("{} is free", config.http.listen))
}

fn key(config: &Config) -> Result<String> {
    if let MasterKey::Generated(path) = &config.security.master_key
        && !path.exists()
    {
        return Ok(format!("will be made in {}", path.display()));
    }
    keys::master_key(&config.security.master_key)?;
    Ok("present".to_owned())
}

fn authorities(config: &Config) -> Result<String> {
    match &config.security.upstream_ca_file {
        None => Ok("the public ones".to_owned()),
        Some(file) => {
            let further = product::authorities(file)?;
            Ok(format!("the public ones, and {} in {}", further.count(), file.display()))
        }
    }
}

async fn postgres(config: &Config) -> Result<String> {
    let Some(url) = &config.storage.database_url else {
        return match embedded::Binaries::find(None) {
            Some(found) => Ok(format!("embedded, with the installed version {}", found.major())),
            None => bail!("not installed; `drawbridge serve` installs it where it may"),
        };
    };
    let pool = database::connect(url, 1).await?;
    database::check(&pool).await?;
    Ok("reached, schema up to date".to_owned())
}

async fn redis(config: &Config) -> Result<String> {
    match &config.storage.redis_url {
        None => Ok("in process".to_owned()),
        Some(url) => {
            counters::connect(url).await?;
            Ok("Redis reached".to_owned())
        }
    }
}
