//! Limits: what a rule counts, and what one call asks of the counters.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use smallvec::SmallVec;

use crate::decimal::{SCALE, Scaled};
use crate::path::Path;
use crate::window::Window;

/// One limit of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The name under which the count is kept.
    pub counter: String,
    /// How long one count lasts.
    pub window: Window,
    /// The most that one window may hold: calls, or millionths where an argument is summed.
    pub max: u64,
    /// Whose calls are counted together.
    pub scope: Scope,
    /// Whether calls to other servers count too.
    pub across_servers: bool,
    /// What is counted.
    pub measure: Measure,
    /// An argument or attribute by whose value counts are kept apart.
    pub key: Option<Path>,
    /// How the windows join.
    pub algorithm: Algorithm,
    /// What the policy's author wants said first when the limit is reached.
    pub on_deny: Option<String>,
}

impl Limit {
    /// Whether the count leaves the server out of its name.
    pub fn spans_servers(&self) -> bool {
        self.across_servers || self.scope == Scope::Organisation
    }

    /// An amount of this limit in its own unit, for people.
    pub fn shown(&self, amount: u64) -> String {
        match self.measure {
            Measure::Calls => amount.to_string(),
            Measure::Sum(_) => Scaled(amount).to_string(),
        }
    }

    /// The path that is summed, if it is not calls that are counted.
    pub fn sum_path(&self) -> Option<&str> {
        match &self.measure {
            Measure::Calls => None,
            Measure::Sum(path) => Some(path.as_str()),
        }
    }
}

/// What a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// One for each call.
    Calls,
    /// The amount that the call's arguments name there, in millionths.
    Sum(Path),
}

/// Whose calls one count holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of one grant.
    Grant,
    /// Those of one session; of the grant where the era has no sessions.
    Session,
    /// Those to one server, by any grant.
    Server,
    /// Those of the whole organisation.
    Organisation,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Grant, Self::Session, Self::Server, Self::Organisation];

    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Session => "session",
            Self::Server => "server",
            Self::Organisation => "organisation",
        }
    }
}

/// How the windows of a limit join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Each window starts at nothing.
    Fixed,
    /// The previous window's count weighs by what is left of it.
    Sliding,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Fixed, Self::Sliding];

    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Sliding => "sliding",
        }
    }
}

// === LimitRequest ===

/// What one call asks of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRequest<'p> {
    /// The limit's own rule id: a JSON Pointer into the normalised document.
    pub rule: &'p str,
    /// Its terms.
    pub limit: &'p Limit,
    /// How much this call adds: 1, or the summed amount in millionths.
    pub amount: u64,
    /// Of a keyed limit: the SHA-256 of the key's value.
    pub key: Option<[u8; 32]>,
}

impl LimitRequest<'_> {
    /// Whether both ask the very same count, which the call then increments once (each limit still
    /// checks its own `max`).
    pub fn same_count(&self, other: &Self) -> bool {
        let (a, b) = (self.limit, other.limit);
        a.counter == b.counter
            && a.window == b.window
            && a.scope == b.scope
            && a.spans_servers() == b.spans_servers()
            && a.measure == b.measure
            && self.key == other.key
    }
}

/// All that one allowed call must reserve: all of it or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits<'p> {
    requests: SmallVec<[LimitRequest<'p>; 3]>,
    enforced: bool,
}

impl<'p> Limits<'p> {
    pub(crate) fn new(enforced: bool) -> Self {
        Self { requests: SmallVec::new(), enforced }
    }

    pub(crate) fn push(&mut self, request: LimitRequest<'p>) {
        self.requests.push(request);
    }

    pub(crate) fn unenforced(mut self) -> Self {
        self.enforced = false;
        self
    }

    /// The requests, those of all tools first.
    pub fn requests(&self) -> &[LimitRequest<'p>] {
        &self.requests
    }

    /// Whether nothing needs to be counted.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether a full window refuses the call. In `mode: observe` it is counted all the same, and
    /// the call goes on as `observed`.
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }
}

// === What the agent is told ===

/// What to tell an agent whose call a limit refused: which limit, what is left, when to retry.
///
/// `remaining` is in the unit of [`LimitRequest::amount`].
pub fn limit_message(request: &LimitRequest<'_>, remaining: u64, retry_after: Duration) -> String {
    let limit = request.limit;
    let mut text = String::new();
    if let Some(own_words) = &limit.on_deny {
        text.push_str(own_words);
        text.push(' ');
    }
    // Writing to a String cannot fail.
    let _ = match &limit.measure {
        Measure::Calls => {
            write!(text, "Rate limit of {} per {} reached.", limit.max, limit.window)
        }
        Measure::Sum(path) => write!(
            text,
            "The limit of {} ({path}) per {} for {} would be passed: {} left.",
            Scaled(limit.max),
            limit.window,
            subject(limit),
            Scaled(remaining),
        ),
    };
    if request.amount > limit.max {
        text.push_str(" This call alone asks for more than the whole limit.");
    } else {
        let _ = write!(text, " Try again in {}.", spoken(retry_after));
    }
    text
}

fn subject(limit: &Limit) -> &'static str {
    match limit.scope {
        Scope::Grant => "this grant",
        Scope::Session => "this session",
        Scope::Server => "this server",
        Scope::Organisation => "this organisation",
    }
}

/// A wait in the largest unit that still says something, rounded up so that a retry succeeds.
fn spoken(wait: Duration) -> String {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match secs.max(1) {
        secs @ ..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs.div_ceil(60)),
        secs @ 7_200..172_800 => format!("{} h", secs.div_ceil(3_600)),
        secs => format!("{} days", secs.div_ceil(86_400)),
    }
}

/// The largest amount in an argument's own unit that a counter can hold, for messages.
pub(crate) fn largest_amount() -> String {
    (crate::decimal::MAX_SCALED / SCALE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(measure: Measure, max: u64) -> Limit {
        Limit {
            counter: "c".into(),
            window: Window::Minute,
            max,
            scope: Scope::Server,
            across_servers: false,
            measure,
            key: None,
            algorithm: Algorithm::Fixed,
            on_deny: None,
        }
    }

    fn request(limit: &Limit, amount: u64) -> LimitRequest<'_> {
        LimitRequest { rule: "/tools/t/limits/0", limit, amount, key: None }
    }

    #[test]
    fn a_rate_limit_says_the_rate_and_when_to_retry() {
        let limit = limit(Measure::Calls, 10);
        let text = limit_message(&request(&limit, 1), 0, Duration::from_millis(22_001));
        assert_eq!(text, "Rate limit of 10 per minute reached. Try again in 23 s.");
    }

    #[test]
    fn a_sum_says_what_is_left_and_whose_it_is() {
        let mut limit = limit(Measure::Sum(Path::parse("args.amount").unwrap()), 50_000 * SCALE);
        limit.window = Window::Day;
        limit.on_deny = Some("Enough for today.".into());
        let text = limit_message(&request(&limit, 5), 1_200_500_000, Duration::from_mins(150));
        assert_eq!(
            text,
            "Enough for today. The limit of 50000 (args.amount) per day for this server would be \
             passed: 1200.5 left. Try again in 3 h."
        );
        let text = limit_message(&request(&limit, 50_001 * SCALE), 0, Duration::from_secs(9));
        assert!(text.ends_with("asks for more than the whole limit."), "{text}");
    }

    #[test]
    fn one_count_met_twice_is_recognised() {
        let first = limit(Measure::Calls, 10);
        let mut second = first.clone();
        second.max = 20;
        assert!(request(&first, 1).same_count(&request(&second, 1)));
        second.window = Window::Hour;
        assert!(!request(&first, 1).same_count(&request(&second, 1)));
        let sum = limit(Measure::Sum(Path::parse("args.amount").unwrap()), 10);
        assert!(!request(&first, 1).same_count(&request(&sum, 1)));
    }

    #[test]
    fn waits_are_rounded_up() {
        let cases =
            [(0, "1 s"), (119, "119 s"), (121, "3 min"), (7_201, "3 h"), (172_801, "3 days")];
        for (secs, said) in cases {
            assert_eq!(spoken(Duration::from_secs(secs)), said);
        }
    }
}
