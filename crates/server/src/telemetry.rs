//! Logs, and the numbers that Prometheus collects.

use anyhow::{Context, Result, anyhow};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Telemetry};

/// Starts to write log lines to the standard error.
pub(crate) fn logs(settings: &Telemetry) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("DRAWBRIDGE_LOG: `{}` is not a log filter", settings.log))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow!("logs cannot be written: {error}"))
}

/// Starts to collect numbers; the handle renders them.
pub(crate) fn numbers() -> Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("metrics cannot be collected")
}
