//! Logs, and the numbers that Prometheus collects.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use gateway::Gateway;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;
use tracing_subscriber::EnvFilter;

use crate::audit;
use crate::config::{LogFormat, Telemetry};

/// Bounds of the latency histograms, seconds: from a decision in memory to the longest call.
const SECONDS: [f64; 20] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// How often what was measured is put into its buckets, so that it does not pile up where nobody
/// collects it.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

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

// === Numbers ===

/// What is measured. Whoever measures takes its handles when it is made, so this comes first.
#[derive(Clone)]
pub(crate) struct Numbers(PrometheusHandle);

impl Numbers {
    /// Starts to collect.
    pub(crate) fn collect() -> Result<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .context("the bounds of the latency histograms")?;
        Ok(Self(builder.install_recorder().context("metrics cannot be collected")?))
    }

    /// Serves them as `/metrics`.
    pub(crate) fn router(&self, watched: Watched) -> Router {
        let numbers = self.clone();
        let answer = axum::routing::get(move || {
            watched.observe();
            let text = numbers.0.render();
            async move { ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text) }
        });
        #[expect(clippy::disallowed_methods, reason = "no tenant, no guard: the operator's port")]
        Router::new().route("/metrics", answer)
    }

    /// Keeps them in order, for ever.
    pub(crate) async fn upkeep(self) {
        let mut ticks = interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

/// What is looked at when somebody asks.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) gateway: Option<Arc<Gateway>>,
    pub(crate) audit: audit::Queue,
}

impl Watched {
    fn observe(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.observe();
        }
        self.audit.observe();
    }
}
