//! From when to when a form means: the last few days, or days that were typed.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::failure::{Failure, FieldError};
use crate::pages::parts::{Choice, Field, end_of_day};

/// The fields of a form by their names.
pub(super) type Typed = HashMap<String, String>;

/// Days back that are offered, with their names.
const PERIODS: [(&str, &str, i64); 4] = [
    ("1", "The last day", 1),
    ("7", "The last 7 days", 7),
    ("30", "The last 30 days", 30),
    ("90", "The last 90 days", 90),
];
const DEFAULT: &str = "7";

/// The part of a form that says when.
pub(super) struct PeriodFields {
    pub(super) periods: Vec<Choice>,
    pub(super) from: Field,
    pub(super) to: Field,
}

impl PeriodFields {
    /// As it was typed, and what is wrong with it.
    pub(super) fn of(typed: &Typed, refused: Option<&Failure>) -> Self {
        let chosen = typed.get("period").map_or(DEFAULT, String::as_str);
        let choice = |(value, label, _): (&str, &str, i64)| Choice::of(value, label, chosen);
        let field = |name: &str, pointer: &str| {
            Field::of(typed.get(name).cloned().unwrap_or_default()).judged(refused, pointer)
        };
        Self {
            periods: PERIODS.into_iter().map(choice).collect(),
            from: field("from", "/since"),
            to: field("to", "/until"),
        }
    }
}

/// When it begins, and where it was typed, when it ends.
pub(super) fn period(
    typed: &Typed,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, Option<DateTime<Utc>>), Failure> {
    let text = |name: &str| typed.get(name).map(|text| text.trim()).unwrap_or_default();
    let mut errors = Vec::new();
    let until = end_of_day(text("to")).unwrap_or_else(|detail| {
        errors.push(FieldError::new("/until", detail));
        None
    });
    let days = |word: &str| PERIODS.iter().find(|(value, ..)| *value == word).map(|(.., n)| *n);
    let days = days(text("period")).or_else(|| days(DEFAULT)).unwrap_or(1);
    let end = until.map_or(now, |until| until.min(now));
    let since = match text("from") {
        "" => end - TimeDelta::days(days),
        day => match day.parse::<NaiveDate>() {
            Ok(day) => day.and_time(NaiveTime::MIN).and_utc(),
            Err(_unread) => {
                let detail = "write a day as 2025-12-31, or leave this empty";
                errors.push(FieldError::new("/since", detail));
                end
            }
        },
    };
    if errors.is_empty() { Ok((since, until)) } else { Err(Failure::invalid(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(String, Option<String>), usize> {
        let typed = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let now = "2026-11-25T13:47:31Z".parse().unwrap();
        let text = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        period(&typed, now)
            .map(|(since, until)| (text(since), until.map(text)))
            .map_err(|failure| failure.fields().len())
    }

    #[test]
    fn days_that_were_typed_count_instead_of_the_choice() {
        let since = |text: &str| Ok((text.to_owned(), None));
        assert_eq!(read(&[]), since("2026-11-18T13:47:31"));
        assert_eq!(read(&[("period", "30")]), since("2026-10-26T13:47:31"));
        assert_eq!(read(&[("period", "x"), ("from", "2026-11-01")]), since("2026-11-01T00:00:00"));
        let whole_day = ("2026-11-01T00:00:00".to_owned(), Some("2026-11-02T00:00:00".to_owned()));
        assert_eq!(read(&[("from", "2026-11-01"), ("to", "2026-11-01")]), Ok(whole_day));
        assert_eq!(read(&[("from", "1.11."), ("to", "x")]), Err(2));
    }
}
