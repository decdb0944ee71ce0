//! Settings of an organisation, kept as one JSON document in its row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::server::words;

words! {
    /// What happens to calls under a limit while the shared counters are out of reach.
    RedisFailure {
        /// They are refused, saying so.
        Closed = "closed",
        /// Each replica enforces the limit on its own.
        Local = "local",
    }
}

/// What an organisation may choose for itself. Unknown keys are refused, absent ones are defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganisationSettings {
    /// Whether argument values are recorded (sealed), not only keys.
    pub audit_values: bool,
    /// Days that call records are kept; 1 … 3 650.
    pub retention_days: u16,
    /// What happens while the shared counters are out of reach.
    pub redis_failure: RedisFailure,
    /// Seconds that the gateway serves on its last view while Postgres is out of reach; 0 = none.
    pub stale_for_secs: u32,
}

impl Default for OrganisationSettings {
    fn default() -> Self {
        Self {
            audit_values: false,
            retention_days: 90,
            redis_failure: RedisFailure::Closed,
            stale_for_secs: 300,
        }
    }
}
