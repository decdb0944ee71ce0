//! The span of time over which a limit counts.

use std::fmt;

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Utc};

/// The longest window that is given in seconds: 31 days.
pub const MAX_WINDOW_SECS: u32 = 2_678_400;

/// A window. Aligned to UTC, so that every replica sees the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// A UTC day.
    Day,
    /// From Monday to Monday.
    Week,
    /// A calendar month.
    Month,
    /// Any other whole number of seconds, aligned to the epoch.
    Seconds(u32),
}

impl Window {
    /// Every window that has a name.
    pub(crate) const NAMED: [Self; 6] =
        [Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The window of so many seconds, by its name where a name means the same.
    pub const fn of_secs(secs: u32) -> Self {
        match secs {
            1 => Self::Second,
            60 => Self::Minute,
            3_600 => Self::Hour,
            86_400 => Self::Day,
            other => Self::Seconds(other),
        }
    }

    /// The window of that name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|window| window.name() == Some(word))
    }

    /// Its name in documents, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Second => Some("second"),
            Self::Minute => Some("minute"),
            Self::Hour => Some("hour"),
            Self::Day => Some("day"),
            Self::Week => Some("week"),
            Self::Month => Some("month"),
            Self::Seconds(_) => None,
        }
    }

    /// How long it lasts; for a month, the longest one.
    pub const fn longest_secs(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 604_800,
            Self::Month => MAX_WINDOW_SECS,
            Self::Seconds(secs) => secs,
        }
    }

    /// When the window that `now` falls into began.
    pub fn start(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let midnight = now.with_time(NaiveTime::MIN).single().unwrap_or(now);
        match self {
            Self::Week => {
                let since_monday = Days::new(now.weekday().num_days_from_monday().into());
                midnight.checked_sub_days(since_monday).unwrap_or(midnight)
            }
            Self::Month => midnight.with_day(1).unwrap_or(midnight),
            _ => {
                let length = i64::from(self.longest_secs().max(1));
                let start = now.timestamp().div_euclid(length) * length;
                DateTime::from_timestamp(start, 0).unwrap_or(now)
            }
        }
    }

    /// When the window that `now` falls into ends: the first moment after it.
    pub fn end(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let start = self.start(now);
        match self {
            Self::Month => start.checked_add_months(Months::new(1)).unwrap_or(start),
            _ => start + TimeDelta::seconds(self.longest_secs().into()),
        }
    }
}

/// As it is said after "per": `minute`, `90 seconds`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.write_str(name),
            (None, window) => write!(f, "{} seconds", window.longest_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn windows_are_aligned_to_utc() {
        let now = at("2026-11-25T13:47:31.5Z"); // a Wednesday
        let cases = [
            (Window::Second, "2026-11-25T13:47:31Z", "2026-11-25T13:47:32Z"),
            (Window::Minute, "2026-11-25T13:47:00Z", "2026-11-25T13:48:00Z"),
            (Window::Hour, "2026-11-25T13:00:00Z", "2026-11-25T14:00:00Z"),
            (Window::Day, "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
            (Window::Week, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Window::Month, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            (Window::Seconds(900), "2026-11-25T13:45:00Z", "2026-11-25T14:00:00Z"),
        ];
        for (window, start, end) in cases {
            assert_eq!((window.start(now), window.end(now)), (at(start), at(end)), "{window:?}");
        }
    }

    #[test]
    fn a_month_takes_its_own_length_and_the_year_turns() {
        let now = at("2028-02-29T23:59:59Z");
        assert_eq!(Window::Month.end(now), at("2028-03-01T00:00:00Z"));
        assert_eq!(Window::Month.end(at("2026-12-31T10:00:00Z")), at("2027-01-01T00:00:00Z"));
        assert_eq!(Window::Week.start(at("2027-01-01T10:00:00Z")), at("2026-12-28T00:00:00Z"));
    }

    #[test]
    fn the_end_of_one_window_starts_the_next() {
        let now = at("2026-11-25T13:47:31Z");
        for window in Window::NAMED.into_iter().chain([Window::Seconds(7)]) {
            assert_eq!(window.start(window.end(now)), window.end(now), "{window:?}");
        }
    }
}
