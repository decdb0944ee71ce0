//! Reads forms: text into domain values, all errors at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::failure::{Failure, FieldError};

/// Collects what is wrong with a form.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// The value, or an error at `pointer`.
    pub(crate) fn take<T, E: ToString>(
        &mut self,
        pointer: impl Into<String>,
        read: Result<T, E>,
    ) -> Option<T> {
        read.map_err(|error| self.wrong(pointer, error)).ok()
    }

    /// Like [`Checks::take`], for a field that may be left out.
    pub(crate) fn maybe<T, E: ToString>(
        &mut self,
        pointer: impl Into<String>,
        read: Option<Result<T, E>>,
    ) -> Option<T> {
        read.and_then(|read| self.take(pointer, read))
    }

    /// Notes an error at `pointer`.
    pub(crate) fn wrong(&mut self, pointer: impl Into<String>, detail: impl ToString) {
        self.errors.push(FieldError::new(pointer, detail));
    }

    /// Notes an error that knows its place.
    pub(crate) fn add(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    /// Goes on only if nothing was wrong.
    pub(crate) fn done(self) -> Result<(), Failure> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refuse()) }
    }

    /// The failure of what was wrong.
    pub(crate) fn refuse(self) -> Failure {
        Failure::invalid(self.errors)
    }
}

/// A name or label: trimmed, 1 to 100 characters, one line.
pub(crate) fn label(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("this is required"),
        long if long.chars().count() > 100 => Err("use at most 100 characters"),
        odd if odd.chars().any(char::is_control) => Err("use one line of plain text"),
        fine => Ok(fine.to_owned()),
    }
}

/// An expiry: later than now.
pub(crate) fn expiry(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, &'static str> {
    if at > now { Ok(at) } else { Err("this is in the past; choose a later time") }
}

/// For fields where `null` means "none" and absence means "as it is".
pub(crate) fn present<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_short_line() {
        assert_eq!(label("  ci runner "), Ok("ci runner".to_owned()));
        assert_eq!(label(&"é".repeat(100)).map(|text| text.len()), Ok(200));
        for bad in ["", "   ", "a\nb", "a\0b", &"x".repeat(101)] {
            assert!(label(bad).is_err(), "{bad:?}");
        }
    }
}
