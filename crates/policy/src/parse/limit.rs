//! Limits and the rate-limit sugar.

use json::Kind;

use super::reader::{Fields, Place, Reader};
use super::rule::{Judged, MAX_TEXT_CHARS};
use crate::decimal::{Decimal, NotCountable};
use crate::limit::{Algorithm, Limit, Measure, Scope, largest_amount};
use crate::path::Path;
use crate::problem::nearest;
use crate::window::{MAX_WINDOW_SECS, Window};

pub(crate) const LIMIT_KEYS: [&str; 9] = [
    "counter",
    "window",
    "max",
    "scope",
    "across_servers",
    "increment_from",
    "key",
    "algorithm",
    "on_deny",
];

pub(crate) const RATE_LIMIT_KEYS: [&str; 2] = ["max", "window"];

/// The longest name of a counter. What the sugar makes of the longest tool name still fits.
const MAX_COUNTER_CHARS: usize = 1_010;

impl<'t> Reader<'t> {
    pub(super) fn limits(&mut self, place: &Place<'t>, judged: Judged) -> Vec<Limit> {
        if self.expect(place, Kind::Array, "a list of limits").is_none() {
            return Vec::new();
        }
        place.items().filter_map(|item| self.limit(&item, judged)).collect()
    }

    fn limit(&mut self, place: &Place<'t>, judged: Judged) -> Option<Limit> {
        let fields = self.object(place, "a limit", &LIMIT_KEYS)?;
        for key in ["counter", "window", "max"].into_iter().filter(|key| !fields.has(key)) {
            self.missing(place, "A limit", key);
        }
        let counter = fields.place("counter").and_then(|place| self.counter(place));
        let window = fields.place("window").and_then(|place| self.window(place));
        let sum = fields.place("increment_from").map(|place| self.sum_path(place, judged));
        let max = fields.place("max").and_then(|place| self.max(place, sum.is_some()));
        let scope = self.scope(&fields);
        let across_servers = self.across_servers(&fields, scope);
        let key = fields.place("key").map(|place| self.key(place, judged));
        let algorithm = self.algorithm(&fields);
        let on_deny = fields.place("on_deny").and_then(|place| self.text(place, MAX_TEXT_CHARS));
        Some(Limit {
            counter: counter?,
            window: window?,
            max: max?,
            scope,
            across_servers: across_servers && scope != Scope::Organisation,
            measure: match sum {
                Some(path) => Measure::Sum(path?),
                None => Measure::Calls,
            },
            key: match key {
                Some(path) => Some(path?),
                None => None,
            },
            algorithm,
            on_deny,
        })
    }

    /// `"rate_limit": {"max": 10, "window": 60}`: calls of this tool by one grant.
    pub(super) fn rate_limit(&mut self, place: &Place<'t>, name: &str) -> Option<Limit> {
        let fields = self.object(place, "\"rate_limit\"", &RATE_LIMIT_KEYS)?;
        for key in RATE_LIMIT_KEYS.into_iter().filter(|key| !fields.has(key)) {
            self.missing(place, "\"rate_limit\"", key);
        }
        let window = fields.place("window").and_then(|place| self.window(place));
        let max = fields.place("max").and_then(|place| self.max(place, false));
        Some(Limit {
            counter: format!("{name}_rate"),
            window: window?,
            max: max?,
            scope: Scope::Grant,
            across_servers: false,
            measure: Measure::Calls,
            key: None,
            algorithm: Algorithm::Fixed,
            on_deny: None,
        })
    }

    fn counter(&mut self, place: &Place<'t>) -> Option<String> {
        let name = self.text(place, MAX_COUNTER_CHARS)?;
        if name.chars().any(char::is_control) {
            self.wrong(place, "A counter's name must not have control characters.");
            return None;
        }
        Some(name)
    }

    fn window(&mut self, place: &Place<'t>) -> Option<Window> {
        if let Some(word) = place.node.as_str()
            && let Some(window) = Window::named(&word)
        {
            return Some(window);
        }
        let secs = place.node.as_number().and_then(Decimal::parse).and_then(|n| n.whole().ok());
        let secs = secs.and_then(|secs| u32::try_from(secs).ok());
        if let Some(secs) = secs.filter(|secs| (1..=MAX_WINDOW_SECS).contains(secs)) {
            return Some(Window::of_secs(secs));
        }
        let names: Vec<_> = Window::NAMED.into_iter().filter_map(Window::name).collect();
        let word = place.node.as_str();
        let meant = word.as_deref().and_then(|word| nearest(word, names.iter().copied()));
        let detail = format!(
            "A window is one of {}, or a whole number of seconds from 1 to {MAX_WINDOW_SECS}.",
            names.join(", ")
        );
        self.wrong_meaning(place, detail, meant);
        None
    }

    /// The maximum: of calls a whole number, of a sum an amount in the argument's own unit.
    fn max(&mut self, place: &Place<'t>, is_sum: bool) -> Option<u64> {
        self.expect(place, Kind::Number, "a number")?;
        let number = place.node.as_number().and_then(Decimal::parse);
        let counted = match (number, is_sum) {
            (Some(number), true) => number.scaled(),
            (Some(number), false) => number.whole(),
            (None, _) => Err(NotCountable::TooLarge),
        };
        let detail = match counted {
            Ok(max) => return Some(max),
            Err(NotCountable::Negative) => "A maximum must not be negative.".to_owned(),
            Err(NotCountable::TooManyPlaces) if is_sum => {
                "A maximum may have at most 6 decimal places.".to_owned()
            }
            Err(NotCountable::TooManyPlaces) => {
                "A maximum of calls must be a whole number.".to_owned()
            }
            Err(NotCountable::TooLarge) if is_sum => {
                format!("A maximum of a sum must not be larger than {}.", largest_amount())
            }
            Err(NotCountable::TooLarge) => {
                format!("A maximum must not be larger than {}.", crate::decimal::MAX_SCALED)
            }
        };
        self.wrong(place, detail);
        None
    }

    fn scope(&mut self, fields: &Fields<'t>) -> Scope {
        let scope = fields.place("scope");
        let scope = scope.and_then(|place| self.word(place, &Scope::ALL, Scope::as_str));
        scope.unwrap_or(Scope::Grant)
    }

    fn across_servers(&mut self, fields: &Fields<'t>, scope: Scope) -> bool {
        let Some(entry) = fields.find("across_servers") else { return false };
        let across = self.boolean(&entry.place).unwrap_or(false);
        if across && scope == Scope::Server {
            let detail = "A count of one server cannot span servers: use another scope.";
            self.wrong(&entry.key_place(), detail);
        }
        across
    }

    fn sum_path(&mut self, place: &Place<'t>, judged: Judged) -> Option<Path> {
        let path = self.path(place, judged)?;
        if !path.is_of_arguments() {
            self.wrong(place, "Only an argument can be summed: the path begins with args.");
            return None;
        }
        Some(path)
    }

    fn key(&mut self, place: &Place<'t>, judged: Judged) -> Option<Path> {
        let path = self.path(place, judged)?;
        if path.has_each() {
            self.wrong(place, "A key is one value: its path cannot have [*].");
        }
        Some(path)
    }

    fn algorithm(&mut self, fields: &Fields<'t>) -> Algorithm {
        let algorithm = fields.place("algorithm");
        let algorithm =
            algorithm.and_then(|place| self.word(place, &Algorithm::ALL, Algorithm::as_str));
        algorithm.unwrap_or(Algorithm::Fixed)
    }
}
