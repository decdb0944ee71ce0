//! Metrics of the data plane. Handles are made once: a call looks nothing up. No tenant is in a
//! label.

use domain::{CallRecord, Outcome};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// See the module.
pub(crate) struct Meters {
    /// Calls being handled, streams included.
    pub(crate) in_flight: Gauge,
    /// Requests refused before their caller was known.
    pub(crate) unidentified: Counter,
    calls: Vec<(Outcome, Counter)>,
    phases: [Histogram; 5],
}

impl Meters {
    /// Registers with the recorder that is installed by now.
    pub(crate) fn new() -> Self {
        let phase = |name: &'static str| histogram!("drawbridge_call_seconds", "phase" => name);
        Self {
            in_flight: gauge!("drawbridge_calls_in_flight"),
            unidentified: counter!("drawbridge_unidentified_total"),
            calls: Outcome::ALL
                .iter()
                .map(|outcome| {
                    (*outcome, counter!("drawbridge_calls_total", "outcome" => outcome.as_str()))
                })
                .collect(),
            phases: ["auth", "policy", "limits", "upstream", "total"].map(phase),
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
}
