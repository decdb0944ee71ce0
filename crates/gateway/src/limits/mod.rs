//! Limits: counts that N replicas together never let over their `max`. [`CounterStore`] is the
//! contract; [`memory`] keeps counts in process (and in a [`journal`] beyond it), [`redis`] shares them; both
//! pass one test-suite.

mod demand;
pub(crate) mod gate;
pub mod journal;
pub mod memory;
mod over;
pub mod redis;
#[cfg(test)]
mod tests;

pub use demand::{Check, Count, CountKey, Demand, Part, Subject};
pub use over::{Over, Why};

use futures_util::future::BoxFuture;

/// Counts, kept somewhere.
pub trait CounterStore: Send + Sync + 'static {
    /// Raises all the counts that a call demands, or none of them if any limit would be passed.
    fn reserve<'a>(&'a self, demand: &'a Demand)
    -> BoxFuture<'a, Result<Reservation, NotReserved>>;

    /// Gives back what was reserved, into the windows it was taken from. Only for a call of which
    /// no byte was sent. A failure is not reported: the count then stays too high, never too low.
    fn give_back(&self, demand: Demand, reservation: Reservation) -> BoxFuture<'static, ()>;
}

/// What was reserved: the start of the window of each count, in milliseconds since the epoch, in
/// the order of [`Demand::counts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    starts: Vec<i64>,
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum NotReserved {
    /// A limit would be passed.
    #[error("over a limit")]
    Over(Over),
    /// The counts cannot be read or written; nobody knows whether a limit is passed.
    #[error("the counters are out of reach")]
    Unavailable,
}

/// Most distinct keys that one keyed limit counts in one window.
pub const MAX_KEYS: u64 = 10_000;
