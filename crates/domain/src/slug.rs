//! Slugs: the names of organisations and servers in URLs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// `[a-z0-9]+(-[a-z0-9]+)*`, at most 32 characters, never with `_`
/// (`_` parts server and tool on the per-tenant gateway URL).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
pub struct Slug(String);

/// Why a text is not a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use 1 to 32 lower-case letters, digits and single hyphens, such as `acme-billing`")]
pub struct BadSlug;

impl Slug {
    /// Longest slug, in characters.
    pub const MAX: usize = 32;

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest slug to what a person typed as a name; `fallback` where nothing is left of it.
    pub fn from_name(name: &str, fallback: &str) -> Self {
        let mut slug = String::new();
        for c in name.chars().map(|c| c.to_ascii_lowercase()) {
            if slug.len() >= Self::MAX {
                break;
            }
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_end_matches('-');
        Self(if slug.is_empty() { fallback.to_owned() } else { slug.to_owned() })
    }

    /// This slug with a number after it, for when the plain one is taken.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let tail = format!("-{n}");
        let head: String = self.0.chars().take(Self::MAX - tail.len()).collect();
        Self(format!("{}{tail}", head.trim_end_matches('-')))
    }
}

impl FromStr for Slug {
    type Err = BadSlug;
    fn from_str(text: &str) -> Result<Self, BadSlug> {
        let fits = !text.is_empty()
            && text.len() <= Self::MAX
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if fits { Ok(Self(text.to_owned())) } else { Err(BadSlug) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_gives_a_valid_slug(name in ".*", n in 2_u32..9_999) {
            let slug = Slug::from_name(&name, "org");
            prop_assert!(slug.as_str().parse::<Slug>().is_ok(), "{slug}");
            prop_assert!(slug.numbered(n).as_str().parse::<Slug>().is_ok());
        }
    }

    #[test]
    fn underscores_double_hyphens_and_capitals_are_refused() {
        for bad in ["", "a_b", "a--b", "-a", "a-", "A", "é", &"a".repeat(33)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
