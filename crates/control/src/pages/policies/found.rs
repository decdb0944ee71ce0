//! What a replay of recorded calls found, in words and rows.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CallId, Outcome, Slug};
use policy::replay::{Change, Example, Report, RuleReport, Tally};

use crate::acts::backtests::Read;
use crate::pages::parts::{Chart, Series, Time, count, outcome_label, thousands};
use crate::urls;

/// Rules that are shown.
const MAX_RULES: usize = 100;

/// What one rule would change.
pub(super) struct RuleRow {
    pub(super) outcome: &'static str,
    pub(super) label: &'static str,
    pub(super) rule: String,
    pub(super) count: String,
    pub(super) examples: Vec<ExampleRow>,
}

/// A call that shows what is meant.
pub(super) struct ExampleRow {
    pub(super) url: String,
    pub(super) tool: String,
    pub(super) grant: String,
    pub(super) outcome_label: &'static str,
    pub(super) time: Time,
}

impl RuleRow {
    /// The rows of the rules with the most calls.
    pub(super) fn all<'r>(
        rules: impl Iterator<Item = &'r RuleReport>,
        slug: &Slug,
        now: DateTime<Utc>,
    ) -> Vec<Self> {
        let row = |rule: &RuleReport| {
            let (outcome, label) = words(rule.change);
            let example = |example: &Example| ExampleRow::of(example, slug, now);
            Self {
                outcome,
                label,
                rule: rule.rule.clone(),
                count: thousands(rule.count),
                examples: rule.examples.iter().map(example).collect(),
            }
        };
        rules.take(MAX_RULES).map(row).collect()
    }
}

impl ExampleRow {
    fn of(example: &Example, slug: &Slug, now: DateTime<Utc>) -> Self {
        let id = CallId::from_uuid(uuid::Uuid::from_u128(example.id));
        let outcome = Outcome::from_word(&example.outcome).unwrap_or(Outcome::Invalid);
        Self {
            url: urls::item(slug, "calls", id),
            tool: example.target.clone(),
            grant: example.grant_label.clone(),
            outcome_label: outcome_label(outcome),
            time: Time::of(example.at, now),
        }
    }
}

/// A change as a badge: the outcome whose colour it takes, and its name.
const fn words(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Denied => ("denied", "Newly denied"),
        Change::Hidden => ("hidden", "Newly hidden"),
        Change::Limited => ("limited", "Newly limited"),
        Change::Gated => ("approval_required", "Newly held for a person"),
        Change::Allowed => ("allowed", "Newly allowed"),
        Change::Unknown => ("other", "Cannot be known"),
    }
}

/// What a draft would have changed, in one sentence.
pub(super) fn sentence(report: &Report) -> String {
    let tally = &report.tally;
    let calls = count(report.calls, "call");
    let unknown = match tally.unknown {
        0 => String::new(),
        n => format!("{} cannot be known: the argument values were not recorded.", thousands(n)),
    };
    let said = said(tally);
    match (report.calls, said.split_first()) {
        (0, _) => "No calls were recorded in this time, so there is nothing to say.".to_owned(),
        (_, None) if unknown.is_empty() => format!("Nothing would change for {calls}."),
        (_, None) => format!("Of {calls}, {unknown} The rest would be treated as now."),
        (_, Some((first, rest))) => {
            let rest = rest.iter().fold(String::new(), |all, part| all + ", " + part);
            let end = if unknown.is_empty() { ".".to_owned() } else { format!("; {unknown}") };
            let (n, what) = first.split_once(' ').unwrap_or((first, ""));
            format!("{n} of {calls} would be newly {what}{rest}{end}")
        }
    }
}

/// Each change that there is: `12 denied`.
pub(super) fn said(tally: &Tally) -> Vec<String> {
    let words = [
        (tally.denied, "denied"),
        (tally.hidden, "hidden"),
        (tally.limited, "limited"),
        (tally.gated, "held for a person"),
        (tally.allowed, "allowed"),
    ];
    let there = words.into_iter().filter(|(n, _)| *n > 0);
    there.map(|(n, word)| format!("{} {word}", thousands(n))).collect()
}

/// What would have been needed to know: `args.amount, of 40 calls`.
pub(super) fn missing(report: &Report) -> Vec<String> {
    let line = |missing: &policy::replay::Missing| {
        let what = if missing.path == "args" { "all arguments" } else { &missing.path };
        format!("{what}, of {}", count(missing.calls, "call"))
    };
    report.missing.iter().take(20).map(line).collect()
}

/// What was left out of the calls.
pub(super) fn left_out(read: &Read) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(cut) = read.cut {
        let at = cut.format("%-d %b %Y, %H:%M UTC");
        said.push(format!("There are too many calls: only those up to {at} were read."));
    }
    if read.records_values && !read.sees_values {
        said.push("Values of arguments are recorded, but not for your role.".to_owned());
    }
    if read.gone > 0 {
        let calls = count(read.gone, "call");
        said.push(format!("Left out: {calls} on servers that are no longer there."));
    }
    said
}

/// The time that was looked at: "from 18 Nov to 25 Nov 2026".
pub(super) fn span(read: &Read) -> String {
    let end = read.until - TimeDelta::milliseconds(1);
    format!("from {} to {}", read.since.format("%-d %b"), end.format("%-d %b %Y"))
}

/// What would have changed over time; none where nothing would.
pub(super) fn chart(report: &Report, read: &Read) -> Option<Chart> {
    let secs = read.bucket.num_seconds().max(1);
    let (first, last) = (read.since.timestamp().div_euclid(secs), end_of(read).div_euclid(secs));
    let label = |bucket: i64| {
        let at = DateTime::from_timestamp(bucket * secs, 0).unwrap_or_default();
        let format = if secs < 86_400 { "%-d %b, %H:%M" } else { "%-d %b" };
        at.format(format).to_string()
    };
    let found = |bucket: i64| {
        let at = |(at, _): &&(DateTime<Utc>, Tally)| at.timestamp().div_euclid(secs) == bucket;
        report.series.iter().find(at).map(|(_, tally)| *tally).unwrap_or_default()
    };
    let figures = |bucket: i64| {
        let tally = found(bucket);
        let figure = |change: Change| i64::try_from(tally.of(change)).unwrap_or(i64::MAX);
        (label(bucket), Change::ALL.map(figure).to_vec())
    };
    Chart::of_series(Series {
        about: format!("Calls that would be treated otherwise, {}", span(read)),
        last: label(last),
        columns: Change::ALL.map(words).to_vec(),
        rows: (first..=last).map(figures).collect(),
    })
}

fn end_of(read: &Read) -> i64 {
    (read.until - TimeDelta::milliseconds(1)).timestamp()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows for samples of pages.
    pub(in crate::pages::policies) fn rows(text: &str, rows: usize) -> Vec<RuleRow> {
        let example = Example {
            id: 7,
            at: DateTime::UNIX_EPOCH,
            grant_label: text.to_owned(),
            target: text.to_owned(),
            outcome: "allowed".to_owned(),
        };
        let rule = |(n, change): (u64, Change)| RuleReport {
            change,
            rule: text.to_owned(),
            count: n,
            examples: vec![example.clone(); 5],
        };
        let rules: Vec<_> = (1..).zip(Change::ALL).take(rows).map(rule).collect();
        RuleRow::all(rules.iter(), &"acme".parse().unwrap(), DateTime::UNIX_EPOCH)
    }

    fn report(calls: u64, tally: Tally) -> Report {
        let (rules, series, missing) = (Vec::new(), Vec::new(), Vec::new());
        Report { calls, with_values: 0, tally, rules, series, missing }
    }

    #[test]
    fn what_was_found_is_said_in_one_sentence() {
        let said = |calls, tally| sentence(&report(calls, tally));
        let none = Tally::default();
        assert_eq!(
            said(48_210, Tally { denied: 12, limited: 3, unknown: 40, ..none }),
            "12 of 48,210 calls would be newly denied, 3 limited; 40 cannot be known: the argument values were not recorded."
        );
        assert_eq!(
            said(1, Tally { gated: 1, ..none }),
            "1 of 1 call would be newly held for a person."
        );
        assert_eq!(said(5, none), "Nothing would change for 5 calls.");
        assert!(said(0, none).starts_with("No calls were recorded"));
        assert!(said(5, Tally { unknown: 2, ..none }).starts_with("Of 5 calls, 2 cannot be known"));
    }

    #[test]
    fn the_chart_has_every_day_of_the_time() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let read = Read {
            since: at("2026-11-18T13:00:00Z"),
            until: at("2026-11-25T13:00:00Z"),
            bucket: TimeDelta::days(1),
            cut: None,
            gone: 0,
            records_values: false,
            sees_values: false,
        };
        let denied = Tally { denied: 3, unchanged: 9, ..Tally::default() };
        let series = vec![(at("2026-11-20T00:00:00Z"), denied)];
        let found = chart(&Report { series, ..report(12, denied) }, &read).unwrap();
        assert_eq!((found.rows.len(), found.first.as_str()), (8, "18 Nov"));
        assert_eq!(
            (found.rows[2].label.as_str(), &found.rows[2].cells),
            ("20 Nov", &vec!["3".to_owned()])
        );
        assert_eq!(found.bars.len(), 1);
        assert!(chart(&report(12, Tally::default()), &read).is_none());
    }
}
