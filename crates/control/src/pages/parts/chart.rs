//! Calls by outcome over days, as stacked bars, with the same figures for a table.

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::Outcome;
use store::calls::CallCount;

use super::calls::outcome_label;
use super::words::thousands;

/// The view box of the bars; the page stretches it.
const WIDTH: i64 = 700;
const HEIGHT: i64 = 160;
/// Space between two days.
const GAP: i64 = 12;

/// A chart, as `parts/chart.html` draws it.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) about: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) top: String,
    pub(crate) middle: String,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) bars: Vec<Bar>,
    pub(crate) legend: Vec<Legend>,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// One outcome of one day.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) outcome: &'static str,
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) title: String,
}

/// One outcome in all.
#[derive(Debug, Clone)]
pub(crate) struct Legend {
    pub(crate) outcome: &'static str,
    pub(crate) label: &'static str,
    pub(crate) count: String,
}

/// One day of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) cells: Vec<String>,
}

/// Figures by day and outcome.
struct Figures<'a> {
    days: Vec<NaiveDate>,
    outcomes: Vec<Outcome>,
    counts: &'a [CallCount],
}

impl Chart {
    /// The last `days` days up to now; none where nothing was called.
    pub(crate) fn of(counts: &[CallCount], days: u64, now: DateTime<Utc>) -> Option<Self> {
        let figures = Figures::new(counts, days, now);
        if figures.outcomes.is_empty() {
            return None;
        }
        let top = nice(figures.days.iter().map(|day| figures.of_day(*day)).max().unwrap_or(0));
        Some(Self {
            about: format!("Calls by outcome, last {days} days"),
            width: WIDTH,
            height: HEIGHT,
            top: thousands(top),
            middle: thousands(top / 2),
            first: figures.days.first().copied().map(day).unwrap_or_default(),
            last: "today".to_owned(),
            bars: figures.bars(top),
            legend: figures.legend(),
            columns: figures.outcomes.iter().map(|o| outcome_label(*o)).collect(),
            rows: figures.rows(),
        })
    }
}

impl<'a> Figures<'a> {
    fn new(counts: &'a [CallCount], days: u64, now: DateTime<Utc>) -> Self {
        let today = now.date_naive();
        let back = |n| today.checked_sub_days(Days::new(n)).unwrap_or(today);
        let days: Vec<NaiveDate> = (0..days).rev().map(back).collect();
        let called = |outcome: &Outcome| {
            let counted =
                |c: &CallCount| c.outcome == *outcome && days.contains(&c.bucket.date_naive());
            counts.iter().any(counted)
        };
        let outcomes = Outcome::ALL.iter().copied().filter(called).collect();
        Self { days, outcomes, counts }
    }

    fn at(&self, day: NaiveDate, outcome: Outcome) -> i64 {
        let here = |c: &&CallCount| c.bucket.date_naive() == day && c.outcome == outcome;
        self.counts.iter().filter(here).map(|c| c.count).sum()
    }

    fn of_day(&self, day: NaiveDate) -> i64 {
        self.outcomes.iter().map(|outcome| self.at(day, *outcome)).sum()
    }

    fn of_outcome(&self, outcome: Outcome) -> i64 {
        self.days.iter().map(|day| self.at(*day, outcome)).sum()
    }

    fn bars(&self, top: i64) -> Vec<Bar> {
        let step = WIDTH / i64::try_from(self.days.len()).unwrap_or(1).max(1);
        let mut bars = Vec::new();
        let mut x = GAP / 2;
        for date in &self.days {
            let mut below = 0;
            for outcome in &self.outcomes {
                let count = self.at(*date, *outcome);
                if count > 0 {
                    // From the running sum, so that rounding never makes a gap; and never nothing.
                    let (from, to) = (below * HEIGHT / top, (below + count) * HEIGHT / top);
                    let height = (to - from).max(1);
                    let title =
                        format!("{}: {} {}", day(*date), thousands(count), outcome_label(*outcome));
                    let outcome = outcome.as_str();
                    let y = HEIGHT - from - height;
                    bars.push(Bar { outcome, x, y, width: step - GAP, height, title });
                    below += count;
                }
            }
            x += step;
        }
        bars
    }

    fn legend(&self) -> Vec<Legend> {
        let of = |outcome: &Outcome| Legend {
            outcome: outcome.as_str(),
            label: outcome_label(*outcome),
            count: thousands(self.of_outcome(*outcome)),
        };
        self.outcomes.iter().map(of).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let cells = |date: NaiveDate| {
            self.outcomes.iter().map(move |o| thousands(self.at(date, *o))).collect()
        };
        self.days.iter().map(|date| Row { label: day(*date), cells: cells(*date) }).collect()
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// The least even number of one or two leading digits that is not below `most`.
fn nice(most: i64) -> i64 {
    let mut unit = 1;
    while most > unit * 20 {
        unit *= 10;
    }
    let steps = (most + unit - 1) / unit;
    ((steps + steps % 2) * unit).max(2)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use chrono::TimeDelta;

    /// A chart of `calls` calls a day, for samples of pages.
    pub(crate) fn chart(calls: i64) -> Option<Chart> {
        let now = DateTime::from_timestamp(1_750_000_000, 0)?;
        let count =
            |n, outcome, count| CallCount { bucket: now - TimeDelta::days(n), outcome, count };
        let counts: Vec<_> = (0..7)
            .flat_map(|n| [count(n, Outcome::Allowed, calls), count(n, Outcome::Denied, 1)])
            .collect();
        Chart::of(&counts, 7, now)
    }

    #[test]
    fn bars_stand_on_each_other_and_stay_inside() {
        let chart = chart(99).unwrap();
        assert_eq!(chart.bars.len(), 14);
        assert_eq!((chart.top.as_str(), chart.middle.as_str()), ("100", "50"));
        for pair in chart.bars.chunks(2) {
            assert_eq!(pair[0].y + pair[0].height, HEIGHT);
            assert!(pair[1].y + pair[1].height <= pair[0].y + 1 && pair[1].y >= 0);
        }
        assert_eq!(chart.rows[6].cells, ["99", "1"]);
    }

    #[test]
    fn scales_end_at_round_even_numbers() {
        for (most, top) in [(0, 2), (1, 2), (3, 4), (19, 20), (21, 40), (101, 120), (5_432, 6_000)]
        {
            assert_eq!(nice(most), top, "{most}");
        }
        assert!(Chart::of(&[], 7, DateTime::UNIX_EPOCH).is_none());
    }
}
