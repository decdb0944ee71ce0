//! What a tool can do, in five words of growing severity.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The category of a tool. Ordered: of two that fit, the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// No side effect.
    Read,
    /// A change that can be undone.
    Write,
    /// What happens depends on the arguments: shell, SQL, code, deployment.
    Execute,
    /// A change that cannot be undone.
    Destructive,
    /// Moves money or commits an obligation.
    Financial,
}

impl Category {
    /// Every category, mildest first.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::Write, Self::Execute, Self::Destructive, Self::Financial];

    /// The word used in documents, answers and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Destructive => "destructive",
            Self::Financial => "financial",
        }
    }

    /// The category of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == word)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
