//! The arguments of a call on its page: keys always, values where they are recorded and for whom
//! they may be shown.

use domain::perm::ManageSettings;
use domain::{CallRecord, Slug};

use crate::acts::arguments::Values;
use crate::guard::Can;
use crate::urls;

/// A value longer than this is folded.
const FOLDED: usize = 160;
/// What stands for a folded value.
const SUMMARY: usize = 60;

/// See the module.
pub(super) struct Arguments {
    /// Their keys, where no values are shown.
    pub(super) keys: Vec<String>,
    pub(super) values: Vec<Value>,
    /// Why there are no values, or what was done to them; empty where nothing is to be said.
    pub(super) note: &'static str,
    /// Where values are switched on, for who may; else empty.
    pub(super) settings_url: String,
}

/// One argument.
pub(super) struct Value {
    pub(super) key: String,
    pub(super) text: String,
    /// Its beginning, where all of it is folded; else empty.
    pub(super) summary: String,
}

impl Arguments {
    pub(super) fn of<P>(caller: &Can<P>, call: &CallRecord) -> Self {
        let shown = Values::of(caller, call);
        let note = note(&shown, &call.argument_keys);
        let is_off = shown == Values::NotRecorded && !note.is_empty();
        let settings_url = settings_url(caller.slug(), is_off && caller.may::<ManageSettings>());
        let values = match &shown {
            Values::Shown(json) => values(json),
            _ => Vec::new(),
        };
        let keys = if values.is_empty() { call.argument_keys.clone() } else { Vec::new() };
        Self { keys, values, note, settings_url }
    }
}

fn settings_url(organisation: &Slug, is_offered: bool) -> String {
    let here = || urls::organisation(organisation, "settings/organisation");
    if is_offered { here() } else { String::new() }
}

fn note(shown: &Values, keys: &[String]) -> &'static str {
    match shown {
        Values::NotRecorded if keys.is_empty() => "",
        Values::NotRecorded => "Values are not recorded.",
        Values::TooLong => "The values were longer than 32 KB and are not recorded.",
        Values::NotForRole => {
            "Values are recorded, and shown to policy managers and admins. Your role sees the keys."
        }
        Values::Unreadable => "The recorded values do not open with the keys in force.",
        Values::Shown(_) => "What looks like a secret is masked. Numbers and text are as sent.",
    }
}

/// The members of the object, each with its value as it was sent.
fn values(json: &str) -> Vec<Value> {
    let Ok(tape) = json::parse(json.as_bytes()) else { return Vec::new() };
    let members = tape.root().members().map(|member| {
        let text = member.value.raw_str().to_owned();
        let is_long = text.chars().nth(FOLDED).is_some();
        let summary = if is_long { text.chars().take(SUMMARY).collect() } else { String::new() };
        Value { key: member.key().into_owned(), text, summary }
    });
    members.collect()
}

#[cfg(test)]
impl Arguments {
    /// Samples: none, one, many.
    pub(super) fn sample(text: &str, count: usize) -> Self {
        let value = |n: usize| Value {
            key: text.to_owned(),
            text: text.to_owned(),
            summary: if n.is_multiple_of(2) { text.to_owned() } else { String::new() },
        };
        Self {
            keys: vec![text.to_owned(); count],
            values: (0..count).map(value).collect(),
            note: note(&Values::NotRecorded, &[text.to_owned()]),
            settings_url: settings_url(&"acme".parse().unwrap(), count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_folded_and_short_ones_stand_as_they_were_sent() {
        let long = "x".repeat(500);
        let shown = values(&format!(r#"{{"amount": 1.50, "note": "{long}"}}"#));
        assert_eq!((shown[0].key.as_str(), shown[0].text.as_str()), ("amount", "1.50"));
        assert!(shown[0].summary.is_empty());
        assert_eq!((shown[1].text.len(), shown[1].summary.len()), (502, SUMMARY));
    }
}
