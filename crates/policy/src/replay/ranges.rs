//! What was seen of the values of one argument, and the condition that allows just that.

use std::collections::BTreeSet;

use json::{Kind, Node};
use serde_json::{Value, json};

use crate::decimal::Decimal;

/// Distinct texts that are kept apart; more say nothing.
const MAX_TEXTS: usize = 8;
/// The longest text that is named in a condition.
const MAX_TEXT_BYTES: usize = 100;
/// How often each text has to have been seen before they are taken for all there are.
const TIMES_EACH: u64 = 2;

/// The values of one argument.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Calls that gave it.
    given: u64,
    /// Of which the value was known.
    known: u64,
    range: Option<Range>,
    texts: BTreeSet<String>,
    /// Something that is neither a number nor a short text, or too many of these.
    other: bool,
}

/// The least and the greatest number, as they were written.
#[derive(Debug)]
struct Range {
    least: (Decimal, String),
    greatest: (Decimal, String),
}

/// A condition, and what it says in words.
pub(super) struct Learned {
    pub(super) conditions: Value,
    pub(super) words: String,
}

impl Values {
    /// One more call gave it.
    pub(super) fn see(&mut self, value: Option<Node<'_>>) {
        self.given += 1;
        let Some(value) = value else { return };
        self.known += 1;
        match value.kind() {
            Kind::Number => {
                match value.as_number().and_then(|text| Some((Decimal::parse(text)?, text))) {
                    Some((number, text)) => self.see_number(number, text),
                    None => self.other = true,
                }
            }
            Kind::String => match value.as_str() {
                Some(text) if text.len() <= MAX_TEXT_BYTES => {
                    self.other |= !self.texts.contains(&*text) && self.texts.len() >= MAX_TEXTS;
                    if !self.other {
                        self.texts.insert(text.into_owned());
                    }
                }
                _ => self.other = true,
            },
            _ => self.other = true,
        }
    }

    fn see_number(&mut self, number: Decimal, text: &str) {
        let this = || (number, text.to_owned());
        match &mut self.range {
            None => self.range = Some(Range { least: this(), greatest: this() }),
            Some(range) => {
                if number < range.least.0 {
                    range.least = this();
                }
                if number > range.greatest.0 {
                    range.greatest = this();
                }
            }
        }
    }

    /// Whether a value lacks, so that nothing is said of it.
    pub(super) const fn is_unknown(&self) -> bool {
        self.known < self.given
    }

    /// The condition that allows what was seen; none where that is not known of every call, or
    /// where values are too many and too various. `calls` is how often the tool was called.
    pub(super) fn learned(&self, name: &str, calls: u64) -> Option<Learned> {
        if self.is_unknown() || self.other {
            return None;
        }
        let path = format!("args.{name}");
        let (tests, words) = match (&self.range, self.texts.len() as u64) {
            (Some(range), 0) => {
                let (least, greatest) = range.rounded();
                let tests = vec![
                    json!({ "path": path, "op": "gte", "value": number(&least)? }),
                    json!({ "path": path, "op": "lte", "value": number(&greatest)? }),
                ];
                (tests, format!("{name} was between {least} and {greatest}"))
            }
            (None, distinct @ 1..) if self.given >= distinct * TIMES_EACH => {
                let tests = vec![json!({ "path": path, "op": "in", "value": self.texts })];
                let quoted: Vec<_> = self.texts.iter().map(|text| json::quoted(text)).collect();
                (tests, format!("{name} was one of {}", quoted.join(", ")))
            }
            _ => return None,
        };
        if self.given == calls {
            return Some(Learned { conditions: Value::Array(tests), words });
        }
        let absent = json!({ "path": path, "op": "exists", "value": false });
        let conditions = json!([{ "any": [absent, { "all": tests }] }]);
        Some(Learned { conditions, words: format!("{words}, or not given") })
    }
}

fn number(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

impl Range {
    /// The same with two digits, rounded outwards. As written, where that cannot be said shortly.
    fn rounded(&self) -> (String, String) {
        let (least, greatest) = (&self.least, &self.greatest);
        let down = outwards(&least.1, -1)
            .filter(|text| Decimal::parse(text).is_some_and(|d| d <= least.0));
        let up = outwards(&greatest.1, 1)
            .filter(|text| Decimal::parse(text).is_some_and(|d| d >= greatest.0));
        let least = down.unwrap_or_else(|| least.1.clone());
        let greatest = up.unwrap_or_else(|| greatest.1.clone());
        (least, greatest)
    }
}

/// A plain number of two digits that is not nearer to nothing than this in the direction of
/// `sign`; `None` for one with an exponent, or with two digits already.
fn outwards(text: &str, sign: i8) -> Option<String> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_away = (sign < 0) != minus.is_empty();
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let first = all.iter().position(|digit| *digit != b'0')?;
    let (kept, rest) = all.split_at_checked(first + 2)?;
    if rest.iter().all(|digit| *digit == b'0') {
        return None;
    }
    let mut mantissa: u128 = std::str::from_utf8(kept).ok()?.parse().ok()?;
    mantissa += u128::from(is_away);
    let zeros = "0".repeat(rest.len());
    let scaled = format!("{mantissa}{zeros}");
    let places = fraction.len();
    let padded = format!("{scaled:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len() - places)?;
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{minus}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_outwards_to_two_digits() {
        let cases = [
            ("12345", 1, Some("13000")),
            ("12345", -1, Some("12000")),
            ("-12345", -1, Some("-13000")),
            ("-12345", 1, Some("-12000")),
            ("0.12345", 1, Some("0.13")),
            ("0.12345", -1, Some("0.12")),
            ("99.5", 1, Some("100")),
            ("999", 1, Some("1000")),
            ("42", 1, None),
            ("4200", 1, None),
            ("0", -1, None),
            ("1e9", 1, None),
        ];
        for (text, sign, expected) in cases {
            assert_eq!(outwards(text, sign).as_deref(), expected, "{text} {sign}");
        }
    }

    fn values(all: &[&str]) -> Values {
        let mut values = Values::default();
        for text in all {
            let tape = json::parse(text.as_bytes()).unwrap();
            values.see(Some(tape.root()));
        }
        values
    }

    fn words(all: &[&str], calls: u64) -> Option<String> {
        values(all).learned("n", calls).map(|learned| learned.words)
    }

    #[test]
    fn few_texts_are_named_and_many_say_nothing() {
        assert_eq!(
            words(&["\"eu\"", "\"us\"", "\"eu\"", "\"us\""], 4).as_deref(),
            Some("n was one of \"eu\", \"us\"")
        );
        assert_eq!(words(&["\"eu\"", "\"us\""], 2), None);
        let many: Vec<String> = (0..20).map(|n| format!("\"{}\"", n % 10)).collect();
        assert_eq!(words(&many.iter().map(String::as_str).collect::<Vec<_>>(), 20), None);
        assert_eq!(words(&["1", "\"1\"", "1", "\"1\""], 4), None);
        assert_eq!(words(&["[1]"], 1), None);
    }

    #[test]
    fn ranges_say_whether_the_argument_was_always_given() {
        assert_eq!(words(&["105", "4870"], 2).as_deref(), Some("n was between 100 and 4900"));
        assert_eq!(words(&["1", "5"], 3).as_deref(), Some("n was between 1 and 5, or not given"));
        let mut half = values(&["1"]);
        half.see(None);
        assert!(half.is_unknown() && half.learned("n", 2).is_none());
    }
}
