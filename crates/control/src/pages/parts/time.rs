//! Moments, relative to now, with the exact one beside.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};

/// A moment, as `parts/time.html` shows it. A script keeps the relative text true.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    pub(crate) iso: String,
    pub(crate) exact: String,
    pub(crate) relative: String,
}

impl Time {
    /// `at`, as seen from `now`.
    pub(crate) fn of(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            exact: at.format("%-d %b %Y, %H:%M:%S UTC").to_string(),
            relative: relative(at, now),
        }
    }

    /// A moment that may not have been.
    pub(crate) fn maybe(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Self> {
        at.map(|at| Self::of(at, now))
    }
}

/// The day on which something ends: "24 Jul 2025".
pub(crate) fn date(at: DateTime<Utc>) -> String {
    // An end of a day belongs to that day.
    (at - TimeDelta::milliseconds(1)).format("%-d %b %Y").to_string()
}

/// The end of a day that was typed as `2025-07-24`: the first moment that is no longer in it. None
/// where nothing was typed.
pub(crate) fn end_of_day(typed: &str) -> Result<Option<DateTime<Utc>>, &'static str> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let day = typed.trim().parse::<NaiveDate>().ok();
    let end = day.and_then(|day| day.succ_opt()).and_then(|next| next.and_hms_opt(0, 0, 0));
    end.map(|end| Some(end.and_utc())).ok_or("write a day as 2025-12-31, or leave this empty")
}

const UNITS: [(&str, i64); 5] =
    [("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60)];

/// The same words as `static/js/times.js` finds, so that nothing moves when it starts.
fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let secs = (at - now).num_seconds();
    if secs.abs() < 45 {
        return if secs > 0 { "in a moment" } else { "just now" }.to_owned();
    }
    let (unit, size) =
        UNITS.into_iter().find(|(_, size)| secs.abs() * 20 >= size * 19).unwrap_or(("minute", 60));
    let n = (secs.abs() + size / 2) / size;
    match (n, unit, secs > 0) {
        (1, "day", true) => "tomorrow".to_owned(),
        (1, "day", false) => "yesterday".to_owned(),
        (1, "month" | "year", true) => format!("next {unit}"),
        (1, "month" | "year", false) => format!("last {unit}"),
        (1, _, true) => format!("in 1 {unit}"),
        (1, _, false) => format!("1 {unit} ago"),
        (_, _, true) => format!("in {n} {unit}s"),
        (_, _, false) => format!("{n} {unit}s ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        let now = DateTime::from_timestamp(1_750_000_000, 0).unwrap();
        let said = |secs| relative(now + TimeDelta::seconds(secs), now);
        assert_eq!(said(0), "just now");
        assert_eq!(said(-60), "1 minute ago");
        assert_eq!(said(-7_300), "2 hours ago");
        assert_eq!(said(-86_400), "yesterday");
        assert_eq!(said(86_400 * 3), "in 3 days");
        assert_eq!(said(-86_400 * 400), "last year");
        assert_eq!(date(end_of_day(" 2025-07-24").unwrap().unwrap()), "24 Jul 2025");
        assert!(end_of_day("").unwrap().is_none() && end_of_day("24.7.").is_err());
        assert_eq!(Time::of(now, now).exact, "15 Jun 2025, 15:06:40 UTC");
    }
}
