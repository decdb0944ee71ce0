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

    /// Notes errors that know their places.
    pub(crate) fn add(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
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

/// A field of a patch where `null` means "none" and absence (the default) "as it is".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// Not mentioned.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Change<T> {
    /// What stands there after the change.
    pub(crate) fn over(self, now: Option<T>) -> Option<T> {
        match self {
            Self::Keep => now,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Clear, Self::Set))
    }
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
