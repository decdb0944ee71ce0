//! `drawbridge migrate`.

use anyhow::{Result, bail};

use super::{runtime, say};
use crate::config::Config;
use crate::database;

/// Applies what is missing. The embedded database needs no command: it migrates at each start.
pub(super) fn run(config: &Config) -> Result<()> {
    let Some(url) = &config.storage.database_url else {
        bail!("DATABASE_URL is not set; the embedded database is migrated by `drawbridge serve`");
    };
    runtime()?.block_on(async {
        let pool = database::connect(url, 1).await?;
        let applied = database::migrate(&pool).await?;
        say(&match applied {
            0 => "The database is up to date.".to_owned(),
            1 => "1 migration applied.".to_owned(),
            n => format!("{n} migrations applied."),
        })
    })
}
