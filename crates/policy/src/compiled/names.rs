//! Finding what is said of a name: exactly, or by the glob that fits it most closely.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use regex::Regex;

use crate::glob::Glob;
use crate::problem::Problem;

/// Longer names and URIs are not compared with globs, of which there may be thousands: a URI of
/// this length and the globs of the longest document can take half a second.
pub(super) const MAX_NAME_BYTES: usize = 4 * 1024;

/// What the names are, and so what a `*` runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names of tools and prompts: `*` is any run.
    Name,
    /// URIs: `*` stops at a slash.
    Uri,
}

#[derive(Debug)]
enum Pattern {
    Name(Glob),
    Uri(Regex),
}

impl Pattern {
    fn new(glob: Glob, kind: Kind, pointer: &str) -> Result<Self, Problem> {
        match kind {
            Kind::Name => Ok(Self::Name(glob)),
            Kind::Uri => glob.path_pattern().map(Self::Uri).map_err(|_too_large| Problem {
                pointer: pointer.to_owned(),
                line: 1,
                column: 1,
                detail: "This glob is too large when compiled.".to_owned(),
                suggestion: None,
            }),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(glob) => glob.matches_name(name),
            Self::Uri(pattern) => pattern.is_match(name),
        }
    }
}

// === Hidden ===

/// The names and globs of a `hide` list.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    exact: HashSet<Box<str>>,
    patterns: Vec<Pattern>,
}

impl Hidden {
    pub(crate) fn new<'n>(
        names: impl IntoIterator<Item = &'n String>,
        kind: Kind,
        pointer: &str,
    ) -> Result<Self, Problem> {
        let mut hidden = Self::default();
        for glob in names.into_iter().filter_map(|name| Glob::parse(name).ok()) {
            match glob.exact() {
                Some(name) => {
                    hidden.exact.insert(name.into());
                }
                None => hidden.patterns.push(Pattern::new(glob, kind, pointer)?),
            }
        }
        Ok(hidden)
    }

    pub(crate) fn holds(&self, name: &str) -> bool {
        self.exact.contains(name) || self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }
}

// === Chooser ===

/// Rules by name: at most one applies to each.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    exact: HashMap<Box<str>, usize>,
    /// Closest fit first.
    patterns: Vec<(Pattern, usize)>,
}

impl Chooser {
    /// Indexes the names in the order given, which must be sorted: that decides a tie.
    pub(crate) fn new<'n>(
        names: impl IntoIterator<Item = &'n String>,
        kind: Kind,
        pointer: &str,
    ) -> Result<Self, Problem> {
        let (mut exact, mut globs) = (HashMap::new(), Vec::new());
        for (index, name) in names.into_iter().enumerate() {
            let Ok(glob) = Glob::parse(name) else { continue };
            match glob.exact() {
                Some(name) => {
                    exact.insert(name.into(), index);
                }
                None => globs.push((glob, index)),
            }
        }
        // A stable sort, so that of two equally close ones the first in the alphabet stays first.
        globs.sort_by_key(|(glob, _)| Reverse(glob.literals()));
        let pattern = |(glob, index)| Ok((Pattern::new(glob, kind, pointer)?, index));
        Ok(Self { exact, patterns: globs.into_iter().map(pattern).collect::<Result<_, _>>()? })
    }

    pub(crate) fn exactly(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied()
    }

    /// The closest glob that fits.
    pub(crate) fn by_glob(&self, name: &str) -> Option<usize> {
        self.patterns.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, index)| *index)
    }

    pub(crate) fn choose(&self, name: &str) -> Option<usize> {
        self.exactly(name).or_else(|| self.by_glob(name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }
}
