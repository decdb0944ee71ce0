//! What a rule says of answers, and what the document says of approvals.

use std::ops::RangeInclusive;
use std::time::Duration;

use json::Kind;

use super::reader::{Place, Reader};
use crate::decimal::Decimal;
use crate::problem::meant;
use crate::response::{Approvals, Own, Redact, Response, Sensitive, read_span, span};

pub(crate) const RESPONSE_KEYS: [&str; 2] = ["max_bytes", "redact"];
pub(crate) const OWN_KEYS: [&str; 2] = ["regex", "with"];
pub(crate) const APPROVALS_KEYS: [&str; 3] = ["expires", "hold", "approvers"];

/// The longest answer that a rule can ask for: more than any gateway carries.
pub(crate) const MAX_MAX_BYTES: u64 = 1 << 30;
/// What one rule may have taken out.
pub(crate) const MAX_REDACTIONS: usize = 32;
/// What stands in the place of something.
pub(crate) const MAX_WITH_CHARS: usize = 200;

pub(crate) const EXPIRES: RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(7 * 24);
const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(5);

impl<'t> Reader<'t> {
    pub(super) fn response(&mut self, place: &Place<'t>) -> Option<Response> {
        let fields = self.object(place, "\"response\"", &RESPONSE_KEYS)?;
        if !RESPONSE_KEYS.iter().any(|key| fields.has(key)) {
            self.wrong(place, "This says nothing: give \"max_bytes\", \"redact\" or both.");
        }
        let max_bytes = fields.place("max_bytes").and_then(|place| self.max_bytes(place));
        let redact = fields.place("redact").map(|place| self.redact(place)).unwrap_or_default();
        Some(Response { max_bytes, redact })
    }

    fn max_bytes(&mut self, place: &Place<'t>) -> Option<u64> {
        let number = place.node.as_number().and_then(Decimal::parse).and_then(|n| n.whole().ok());
        let number = number.filter(|n| (1..=MAX_MAX_BYTES).contains(n));
        if number.is_none() {
            let detail = format!("This must be a whole number of bytes from 1 to {MAX_MAX_BYTES}.");
            self.wrong(place, detail);
        }
        number
    }

    fn redact(&mut self, place: &Place<'t>) -> Vec<Redact> {
        if self.expect(place, Kind::Array, "a list").is_none() {
            return Vec::new();
        }
        if place.node.len() > MAX_REDACTIONS {
            self.wrong(place, format!("A rule may have at most {MAX_REDACTIONS} of these."));
        }
        let mut found = Vec::new();
        for item in place.items() {
            let Some(redact) = self.redaction(&item) else { continue };
            if !found.contains(&redact) {
                found.push(redact);
            }
        }
        found
    }

    fn redaction(&mut self, place: &Place<'t>) -> Option<Redact> {
        if place.is(Kind::Object) {
            return self.own(place).map(Redact::Own);
        }
        let word = place.node.as_str();
        let known = Sensitive::ALL.into_iter().find(|kind| word.as_deref() == Some(kind.as_str()));
        if known.is_none() {
            let words = Sensitive::ALL.map(Sensitive::as_str);
            let detail = format!(
                "This must be one of {}, or {{\"regex\": …, \"with\": …}}.",
                words.map(|word| format!("\"{word}\"")).join(", ")
            );
            let near = word.as_deref().and_then(|word| meant(word, words));
            self.wrong_meaning(place, detail, near);
        }
        known.map(Redact::Known)
    }

    fn own(&mut self, place: &Place<'t>) -> Option<Own> {
        let fields = self.object(place, "a redaction", &OWN_KEYS)?;
        for key in OWN_KEYS.into_iter().filter(|key| !fields.has(key)) {
            self.missing(place, "A redaction", key);
        }
        let with = fields.place("with").and_then(|place| self.replacement(place));
        let at = fields.place("regex")?;
        self.expect(at, Kind::String, "text")?;
        let pattern = at.node.as_str().unwrap_or_default();
        let regex = match self.patterns.compile(&pattern) {
            Ok(pattern) => pattern.regex,
            Err(detail) => {
                self.wrong(at, detail);
                return None;
            }
        };
        if regex.is_match("") {
            self.wrong(at, "This pattern finds the empty text, which is everywhere.");
            return None;
        }
        let with = with?;
        if regex.is_match(&with) {
            self.wrong(at, "This pattern finds its own replacement: choose another \"with\".");
            return None;
        }
        Some(Own { regex, with })
    }

    /// It may be empty: then what is found is left out.
    fn replacement(&mut self, place: &Place<'t>) -> Option<String> {
        self.expect(place, Kind::String, "text")?;
        let text = place.node.as_str().unwrap_or_default();
        if text.chars().nth(MAX_WITH_CHARS).is_some() {
            self.wrong(place, format!("This must not be longer than {MAX_WITH_CHARS} characters."));
            return None;
        }
        Some(text.into_owned())
    }

    // --- approvals ---

    pub(super) fn approvals(&mut self, place: &Place<'t>) -> Option<Approvals> {
        let fields = self.object(place, "\"approvals\"", &APPROVALS_KEYS)?;
        let usual = Approvals::default();
        let mut read = |key, within, usual| match fields.place(key) {
            Some(place) => self.span(place, within),
            None => Some(usual),
        };
        let expires = read("expires", EXPIRES, usual.expires);
        let hold = read("hold", HOLD, usual.hold);
        let approvers = match fields.place("approvers") {
            Some(place) => self.approvers(place),
            None => Some(usual.approvers),
        };
        Some(Approvals { expires: expires?, hold: hold?, approvers: approvers? })
    }

    fn span(&mut self, place: &Place<'t>, within: RangeInclusive<Duration>) -> Option<Duration> {
        let read = place.node.as_str().and_then(|text| read_span(&text));
        let read = read.filter(|length| within.contains(length));
        if read.is_none() {
            let (least, most) = (span(*within.start()), span(*within.end()));
            let detail = format!(
                "This must be a time from \"{least}\" to \"{most}\", such as \"50s\", \"5m\" or \
                 \"1h\"."
            );
            self.wrong(place, detail);
        }
        read
    }

    fn approvers(&mut self, place: &Place<'t>) -> Option<u8> {
        let number = place.node.as_number().and_then(Decimal::parse).and_then(|n| n.whole().ok());
        let number = number.and_then(|n| u8::try_from(n).ok()).filter(|n| matches!(n, 1 | 2));
        if number.is_none() {
            self.wrong(place, "One person approves, or two: this must be 1 or 2.");
        }
        number
    }
}
