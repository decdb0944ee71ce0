//! How one server of one organisation fares: a circuit that opens after repeated failures, so
//! that a dead server is answered for at once, and seats, so that a slow one cannot use up its
//! organisation's room. It is part of the server's view: taken over from one view to the next
//! while the address stays the same, and dropped with the last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// Failures in a row that open the circuit.
const FAILURES: u32 = 5;
/// How long it stays open at first; twice as long after each failed probe.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long one probe keeps others from trying too: a tool may rightly take minutes to answer.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Health {
    pub(super) circuit: Circuit,
    seats: Arc<Semaphore>,
    bound: usize,
}

/// A call's place at a server, held until its answer is over. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Seat(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

impl Health {
    /// Of a server of which nothing is known, with so many seats.
    pub(crate) fn new(bound: usize) -> Self {
        Self { circuit: Circuit::default(), seats: Arc::new(Semaphore::new(bound)), bound }
    }

    /// Takes a seat. Never waits: agents can do something else meanwhile, a queue cannot.
    pub(crate) fn seat(&self) -> Result<Seat, Refusal> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().map_err(|_taken| {
            Refusal::Upstream(format!(
                "The server already works on {} calls, as many as it is given at once. Try again \
                 in a few seconds.",
                self.bound
            ))
        })?;
        Ok(Seat(Arc::new(seat)))
    }
}

// === Circuit ===

/// Closed: calls pass. Open: they are refused at once. When its time is over, one call passes as
/// a probe, and its fate decides.
#[derive(Default)]
pub(super) struct Circuit {
    /// Whether `state` says anything. The common path reads no more than this.
    troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    open: Option<Open>,
}

struct Open {
    until: Instant,
    pause: Duration,
    probed_at: Option<Instant>,
}

/// The circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shut {
    pub(super) retry_in: Duration,
}

/// Leave to call, once; to be told how it went.
pub(super) struct Turn<'c> {
    circuit: &'c Circuit,
    is_probe: bool,
}

impl Circuit {
    /// Whether a call may pass now.
    pub(super) fn enter(&self, now: Instant) -> Result<Turn<'_>, Shut> {
        let passes = Turn { circuit: self, is_probe: false };
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(passes);
        }
        let mut state = self.state();
        let Some(open) = &mut state.open else { return Ok(passes) };
        let probed_until = open.probed_at.map(|at| at + PROBE_PATIENCE);
        let until = probed_until.map_or(open.until, |end| end.max(open.until));
        if now < until {
            return Err(Shut { retry_in: until - now });
        }
        open.probed_at = Some(now);
        Ok(Turn { circuit: self, is_probe: true })
    }

    /// Whether calls are refused now, for what is no call and proves nothing.
    pub(super) fn check(&self, now: Instant) -> Result<(), Shut> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.state().open.as_ref().map(|open| open.until) {
            Some(until) if now < until => Err(Shut { retry_in: until - now }),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The server answered.
    pub(super) fn succeeded(mut self) {
        self.is_probe = false;
        if !self.circuit.troubled.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.circuit.state();
        if state.open.is_some() {
            gauge!("drawbridge_circuits_open").decrement(1);
        }
        *state = State::default();
        self.circuit.troubled.store(false, Ordering::Release);
    }

    /// The server failed; whether that opened the circuit.
    pub(super) fn failed(mut self, now: Instant) -> bool {
        let is_probe = std::mem::take(&mut self.is_probe);
        let mut state = self.circuit.state();
        self.circuit.troubled.store(true, Ordering::Release);
        state.failures = state.failures.saturating_add(1);
        let failures = state.failures;
        match &mut state.open {
            Some(open) if is_probe => {
                let pause = (open.pause * 2).min(LONGEST_PAUSE);
                *open = Open { until: now + pause, pause, probed_at: None };
                false
            }
            // A call from before it opened says nothing new.
            Some(_) => false,
            None if failures < FAILURES => false,
            None => {
                let (until, pause) = (now + FIRST_PAUSE, FIRST_PAUSE);
                state.open = Some(Open { until, pause, probed_at: None });
                gauge!("drawbridge_circuits_open").increment(1);
                true
            }
        }
    }
}

impl Drop for Turn<'_> {
    /// A probe that was given up says nothing; the next call may be one.
    fn drop(&mut self) {
        if self.is_probe
            && let Some(open) = &mut self.circuit.state().open
        {
            open.probed_at = None;
        }
    }
}

impl Drop for Circuit {
    fn drop(&mut self) {
        if self.state().open.is_some() {
            gauge!("drawbridge_circuits_open").decrement(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A circuit that has just opened.
    fn opened(now: Instant) -> Circuit {
        let circuit = Circuit::default();
        for attempt in 1..=FAILURES {
            let opened = circuit.enter(now).ok().unwrap().failed(now);
            assert_eq!(opened, attempt == FAILURES);
        }
        circuit
    }

    fn shut(circuit: &Circuit, now: Instant) -> Option<Duration> {
        circuit.enter(now).err().map(|shut| shut.retry_in)
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let (circuit, now) = (Circuit::default(), Instant::now());
        for _ in 0..10 {
            for _ in 1..FAILURES {
                circuit.enter(now).ok().unwrap().failed(now);
            }
            circuit.enter(now).ok().unwrap().succeeded();
        }
        assert_eq!(shut(&circuit, now), None);
    }

    #[test]
    fn an_open_circuit_lets_one_probe_pass_and_pauses_longer_after_each_that_fails() {
        let now = Instant::now();
        let circuit = opened(now);
        assert_eq!(shut(&circuit, now), Some(FIRST_PAUSE));
        let (mut at, mut pauses) = (now + FIRST_PAUSE, Vec::new());
        for _ in 0..6 {
            let probe = circuit.enter(at).ok().unwrap();
            assert_eq!(shut(&circuit, at), Some(PROBE_PATIENCE), "one probe at a time");
            probe.failed(at);
            let pause = shut(&circuit, at).unwrap();
            pauses.push(pause.as_secs());
            at += pause;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30]);
        circuit.enter(at).ok().unwrap().succeeded();
        assert_eq!(shut(&circuit, at), None);
        circuit.enter(at).ok().unwrap().failed(at);
        assert_eq!(shut(&circuit, at), None, "it counts from the start again");
    }

    #[test]
    fn a_probe_that_is_given_up_or_takes_long_lets_the_next_one_try() {
        let now = Instant::now();
        let circuit = opened(now);
        let at = now + FIRST_PAUSE;
        drop(circuit.enter(at));
        let slow = circuit.enter(at).ok().unwrap();
        assert!(shut(&circuit, at + after(1)).is_some());
        let second = circuit.enter(at + PROBE_PATIENCE).ok().unwrap();
        second.succeeded();
        assert_eq!(shut(&circuit, at + after(6)), None);
        assert!(!slow.failed(at + after(60)), "one late failure opens nothing");
        assert_eq!(shut(&circuit, at + after(60)), None);
    }

    #[test]
    fn seats_are_bounded_and_come_back() {
        let health = Health::new(2);
        let (first, second) = (health.seat().unwrap(), health.seat().unwrap());
        assert!(health.seat().is_err());
        let again = first.clone();
        drop(first);
        assert!(health.seat().is_err(), "a clone is the same seat");
        drop((again, second));
        assert!(health.seat().is_ok());
    }
}
