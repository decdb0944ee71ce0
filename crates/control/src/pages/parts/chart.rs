//! Figures over time, such as calls by outcome, as stacked bars; with the same figures for a table.

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

/// Figures over time, of things that are told apart by colour.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) about: String,
    /// What the right end of the scale is called.
    pub(crate) last: String,
    /// Each with the outcome word whose colour it takes.
    pub(crate) columns: Vec<(&'static str, &'static str)>,
    /// Each time by name, with a figure for each column.
    pub(crate) rows: Vec<(String, Vec<i64>)>,
}

impl Chart {
    /// The last `days` days up to now; none where nothing was called.
    pub(crate) fn of(counts: &[CallCount], days: u64, now: DateTime<Utc>) -> Option<Self> {
        let today = now.date_naive();
        let back = |n| today.checked_sub_days(Days::new(n)).unwrap_or(today);
        let dates: Vec<NaiveDate> = (0..days).rev().map(back).collect();
        let at = |date: NaiveDate, outcome: Outcome| -> i64 {
            let here = |c: &&CallCount| c.bucket.date_naive() == date && c.outcome == outcome;
            counts.iter().filter(here).map(|c| c.count).sum()
        };
        let row = |date: &NaiveDate| {
            (day(*date), Outcome::ALL.iter().map(|outcome| at(*date, *outcome)).collect())
        };
        Self::of_series(Series {
            about: format!("Calls by outcome, last {days} days"),
            last: "today".to_owned(),
            columns: Outcome::ALL.iter().map(|o| (o.as_str(), outcome_label(*o))).collect(),
            rows: dates.iter().map(row).collect(),
        })
    }

    /// A chart of any figures; columns without any are left out. None where there are no figures.
    pub(crate) fn of_series(series: Series) -> Option<Self> {
        let series = series.without_empty_columns();
        if series.columns.is_empty() {
            return None;
        }
        let sums = series.rows.iter().map(|(_, figures)| figures.iter().sum());
        let top = nice(sums.max().unwrap_or(0));
        let cells = |figures: &[i64]| figures.iter().map(|n| thousands(*n)).collect();
        let row = |(label, figures): &(String, Vec<i64>)| Row {
            label: label.clone(),
            cells: cells(figures),
        };
        Some(Self {
            width: WIDTH,
            height: HEIGHT,
            top: thousands(top),
            middle: thousands(top / 2),
            first: series.rows.first().map(|(label, _)| label.clone()).unwrap_or_default(),
            bars: series.bars(top),
            legend: series.legend(),
            columns: series.columns.iter().map(|(_, label)| *label).collect(),
            rows: series.rows.iter().map(row).collect(),
            about: series.about,
            last: series.last,
        })
    }
}

impl Series {
    fn without_empty_columns(mut self) -> Self {
        let sum = |at: usize| -> i64 { self.rows.iter().filter_map(|(_, row)| row.get(at)).sum() };
        let kept: Vec<bool> = (0..self.columns.len()).map(|at| sum(at) > 0).collect();
        let mut is_kept = kept.iter();
        self.columns.retain(|_| is_kept.next() == Some(&true));
        for (_, row) in &mut self.rows {
            let mut is_kept = kept.iter();
            row.retain(|_| is_kept.next() == Some(&true));
        }
        self
    }

    fn bars(&self, top: i64) -> Vec<Bar> {
        let count = i64::try_from(self.rows.len()).unwrap_or(1).max(1);
        let gap = GAP.min(WIDTH / count / 4);
        let mut bars = Vec::new();
        for (index, (label, figures)) in (0_i64..).zip(&self.rows) {
            // From the running sums, so that rounding never makes a gap; and never nothing.
            let (start, end) = (index * WIDTH / count, (index + 1) * WIDTH / count);
            let mut below = 0;
            for ((outcome, name), count) in self.columns.iter().zip(figures) {
                if *count > 0 {
                    let (from, to) = (below * HEIGHT / top, (below + count) * HEIGHT / top);
                    let height = (to - from).max(1);
                    bars.push(Bar {
                        outcome,
                        x: start + gap / 2,
                        y: HEIGHT - from - height,
                        width: (end - start - gap).max(1),
                        height,
                        title: format!("{label}: {} {name}", thousands(*count)),
                    });
                    below += count;
                }
            }
        }
        bars
    }

    fn legend(&self) -> Vec<Legend> {
        let sum = |at: usize| -> i64 { self.rows.iter().filter_map(|(_, row)| row.get(at)).sum() };
        let of = |(at, (outcome, label)): (usize, &(&'static str, &'static str))| Legend {
            outcome,
            label,
            count: thousands(sum(at)),
        };
        self.columns.iter().enumerate().map(of).collect()
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
