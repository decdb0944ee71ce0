//! Fields of forms: what was typed, and what is wrong with it.

use crate::failure::{Failure, Kind, sentence};

/// What was typed into a field, and what is wrong with it (nothing: empty).
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) value: String,
    pub(crate) error: String,
}

impl Field {
    /// A field with this text in it.
    pub(crate) fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: String::new() }
    }

    /// With the error that `refused` has at `pointer`, if any.
    #[must_use]
    pub(crate) fn judged(mut self, refused: Option<&Failure>, pointer: &str) -> Self {
        self.error = refused.and_then(|f| f.field(pointer)).map(sentence).unwrap_or_default();
        self
    }
}

/// One option of a select or a segmented control.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

impl Choice {
    /// An option, selected if it is the `chosen` one.
    pub(crate) fn of(value: impl Into<String>, label: impl Into<String>, chosen: &str) -> Self {
        let value = value.into();
        Self { selected: value == chosen, label: label.into(), value }
    }
}

/// What went wrong, above a form or a page.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) title: String,
    pub(crate) detail: String,
}

impl Problem {
    /// A problem in words.
    pub(crate) fn new(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { title: title.into(), detail: detail.into() }
    }

    /// What a form says above itself: errors that no field of it shows, or where to look.
    pub(crate) fn of(refused: Option<&Failure>, shown: &[&str]) -> Option<Self> {
        let refused = refused?;
        let hidden: Vec<String> = refused
            .fields()
            .iter()
            .filter(|error| !shown.contains(&error.pointer.as_str()))
            .map(|error| sentence(&error.detail))
            .collect();
        let title = "Nothing was saved";
        Some(match refused.fields() {
            [] => Self::new(title, refused.text()),
            _ if !hidden.is_empty() => Self::new(title, hidden.join(" ")),
            [_] => Self::new(title, "One field needs a change; it is marked."),
            many => {
                Self::new(title, format!("{} fields need a change; they are marked.", many.len()))
            }
        })
    }
}

/// Whether a failure is an answer to what was typed: then the form shows itself again, with
/// everything that was typed. Other failures have a page of their own.
pub(crate) fn belongs_in_form(failure: Failure) -> Result<Failure, Failure> {
    match failure.kind() {
        Kind::Invalid | Kind::Conflict | Kind::Stale => Ok(failure),
        _ => Err(failure),
    }
}

/// The sentences of all errors below a pointer.
pub(crate) fn field_errors(refused: Option<&Failure>, below: &str) -> String {
    let errors = refused.map(Failure::fields).unwrap_or_default().iter();
    let errors = errors.filter(|error| error.pointer.starts_with(below));
    errors.map(|error| sentence(&error.detail)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_a_field_are_told_above_the_form() {
        let refused = Failure::invalid_at("/email", "this is required").at("/odd", "no such thing");
        let above = Problem::of(Some(&refused), &["/email"]).unwrap();
        assert_eq!(above.detail, "No such thing.");
        assert_eq!(Field::of("x").judged(Some(&refused), "/email").error, "This is required.");
        let marked = Problem::of(Some(&Failure::invalid_at("/email", "no")), &["/email"]).unwrap();
        assert_eq!(marked.detail, "One field needs a change; it is marked.");
    }
}
