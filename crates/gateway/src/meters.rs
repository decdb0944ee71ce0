//! Metrics of the data plane. Handles are made once: a call looks nothing up. No tenant is in a
//! label.

use std::time::Duration;

use domain::{CallRecord, Outcome};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics::{describe_counter, describe_gauge, describe_histogram};

const CALLS: &str = "drawbridge_calls_total";
const CALL_SECONDS: &str = "drawbridge_call_seconds";
const IN_FLIGHT: &str = "drawbridge_calls_in_flight";
const UNIDENTIFIED: &str = "drawbridge_unidentified_total";
const BUSY: &str = "drawbridge_busy_total";
const VIEWS: &str = "drawbridge_views";
const STREAMS: &str = "drawbridge_streams_open";
const CIRCUITS: &str = "drawbridge_circuits_open";
const COUNTER_SECONDS: &str = "drawbridge_counters_seconds";
const COUNTERS_DOWN: &str = "drawbridge_counters_unavailable_total";

/// See the module.
pub(crate) struct Meters {
    /// Calls being handled, streams included.
    pub(crate) in_flight: Gauge,
    /// Requests refused before their caller was known.
    pub(crate) unidentified: Counter,
    /// Requests for which there was no room.
    pub(crate) busy: Counter,
    calls: Vec<(Outcome, Counter)>,
    phases: [Histogram; 5],
    views: Gauge,
    streams: Gauge,
    counters: Histogram,
    counters_down: Counter,
}

impl Meters {
    /// Registers with the recorder that is installed by now.
    pub(crate) fn new() -> Self {
        describe();
        // Circuits move it when they open and close; it is there from the start.
        gauge!(CIRCUITS).increment(0);
        let phase = |name: &'static str| histogram!(CALL_SECONDS, "phase" => name);
        Self {
            in_flight: gauge!(IN_FLIGHT),
            unidentified: counter!(UNIDENTIFIED),
            busy: counter!(BUSY),
            calls: Outcome::ALL
                .iter()
                .map(|outcome| (*outcome, counter!(CALLS, "outcome" => outcome.as_str())))
                .collect(),
            phases: ["auth", "policy", "limits", "upstream", "total"].map(phase),
            views: gauge!(VIEWS),
            streams: gauge!(STREAMS),
            counters: histogram!(COUNTER_SECONDS),
            counters_down: counter!(COUNTERS_DOWN),
        }
    }

    /// Counts one finished call.
    pub(crate) fn call(&self, record: &CallRecord) {
        if let Some((_, calls)) = self.calls.iter().find(|(outcome, _)| *outcome == record.outcome)
        {
            calls.increment(1);
        }
        let us = &record.us;
        let spent = [us.auth, us.policy, us.limits, us.upstream, us.total];
        for (phase, us) in self.phases.iter().zip(spent) {
            phase.record(f64::from(us) / 1e6);
        }
    }

    /// One answer of the counter store, or the lack of one.
    pub(crate) fn counters(&self, took: Duration, is_up: bool) {
        self.counters.record(took.as_secs_f64());
        if !is_up {
            self.counters_down.increment(1);
        }
    }

    /// What is there now.
    #[expect(clippy::cast_precision_loss, reason = "gauges")]
    pub(crate) fn census(&self, views: usize, streams: usize) {
        self.views.set(views as f64);
        self.streams.set(streams as f64);
    }
}

fn describe() {
    describe_counter!(CALLS, "MCP calls that ended, by outcome.");
    describe_histogram!(CALL_SECONDS, "Seconds that calls took, by phase.");
    describe_gauge!(IN_FLIGHT, "MCP calls being handled, streams included.");
    describe_counter!(UNIDENTIFIED, "Requests refused because nobody knows their token.");
    describe_counter!(BUSY, "Requests answered 503 because there was no room for them.");
    describe_gauge!(VIEWS, "Organisations in memory.");
    describe_gauge!(STREAMS, "Streams open that are no calls.");
    describe_gauge!(CIRCUITS, "Upstream servers left alone because they failed repeatedly.");
    describe_histogram!(COUNTER_SECONDS, "Seconds that the counter store took to answer.");
    describe_counter!(COUNTERS_DOWN, "Times that the counter store did not answer.");
}
