//! Pages of long lists, by cursor: older ones follow, and "newer" goes back to the first.

use std::fmt::Write as _;

use store::{Page, Paged};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::words::thousands;

/// Where a list can be turned to; empty where it cannot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    pub(crate) shown: String,
    pub(crate) newer: String,
    pub(crate) older: String,
}

/// The page of a list that a URL asks for, and the rest of its query, which turning keeps.
pub(crate) struct Pager<'a> {
    path: &'a str,
    kept: Vec<(&'static str, String)>,
    before: Option<Uuid>,
}

impl<'a> Pager<'a> {
    /// The list at `path`, older than the `before` of its query. Text that is no cursor starts at
    /// the first page.
    pub(crate) fn new(path: &'a str, before: Option<&str>) -> Self {
        let before = before.and_then(|text| Uuid::try_parse(text).ok());
        Self { path, kept: Vec::new(), before }
    }

    /// With parameters that turning keeps.
    #[must_use]
    pub(crate) fn keeping(mut self, kept: Vec<(&'static str, String)>) -> Self {
        self.kept = kept;
        self
    }

    /// The page, for the store.
    pub(crate) fn page(&self) -> Page {
        Page::new(None, self.before)
    }

    /// Where else the list can be turned to.
    pub(crate) fn pages<T>(&self, paged: &Paged<T>) -> Pages {
        Pages {
            shown: format!("{} shown", thousands(i128::try_from(paged.rows.len()).unwrap_or(0))),
            newer: self.before.map(|_| self.url(None)).unwrap_or_default(),
            older: paged.next.map(|next| self.url(Some(next))).unwrap_or_default(),
        }
    }

    fn url(&self, before: Option<Uuid>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.kept.iter().filter(|(_, value)| !value.is_empty()));
        if let Some(before) = before {
            query.append_pair("before", &before.simple().to_string());
        }
        let query = query.finish();
        let mut url = self.path.to_owned();
        if !query.is_empty() {
            let _infallible = write!(url, "?{query}");
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_keeps_the_filter_and_newer_starts_over() {
        let here = Pager::new("/o/a/calls", Some("0199e2a0c1d27b3f8f5a6b7c8d9e0f10"))
            .keeping(vec![("q", "a&b".to_owned()), ("tool", String::new())]);
        let rows = Paged { rows: vec![()], next: Some(Uuid::nil()) };
        let ends = here.pages(&rows);
        assert_eq!(ends.newer, "/o/a/calls?q=a%26b");
        assert_eq!(ends.older, format!("/o/a/calls?q=a%26b&before={}", Uuid::nil().simple()));
        assert_eq!(Pager::new("/x", Some("junk")).pages(&rows).newer, "");
    }
}
