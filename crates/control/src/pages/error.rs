//! The page of a failure: what happened, and the one next step. Made by `failure.rs`, the edge.

use askama::Template;

/// A failure, for a person.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) signed_in: bool,
    pub(crate) title: &'a str,
    pub(crate) detail: &'a str,
    /// The incident number, where it is our fault; else empty.
    pub(crate) incident: &'a str,
    pub(crate) next_href: &'a str,
    pub(crate) next_label: &'a str,
}

#[cfg(test)]
impl super::samples::Samples for ErrorPage<'static> {
    fn samples() -> Vec<Self> {
        let of = |signed_in, detail, incident| Self {
            signed_in,
            title: "There is nothing here",
            detail,
            incident,
            next_href: "/o",
            next_label: "Go to the overview",
        };
        vec![
            of(false, "Nothing is served at this address.", ""),
            of(true, super::samples::HOSTILE, "req_0123456789abcdef01234567"),
        ]
    }
}
