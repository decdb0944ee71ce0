//! `drawbridge serve`.

use anyhow::Result;

use super::runtime;
use crate::config::Config;
use crate::{product, telemetry};

/// Runs until a signal ends it.
pub(super) fn run(config: Config) -> Result<()> {
    telemetry::logs(&config.telemetry)?;
    runtime()?.block_on(product::run(config))
}
