//! The time, as a value that tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Where the product takes the time from: the system, or a hand that a test turns.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Microseconds since the epoch, when fixed.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { fixed: None }
    }

    /// A clock that stands at `at` until it is advanced. Clones share the hand.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(at.timestamp_micros()))) }
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.fixed {
            None => Utc::now(),
            Some(hand) => DateTime::from_timestamp_micros(hand.load(Ordering::Acquire))
                .unwrap_or(DateTime::UNIX_EPOCH),
        }
    }

    /// Moves a fixed clock on; a system clock ignores it.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(hand) = &self.fixed {
            hand.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::AcqRel);
        }
    }
}
