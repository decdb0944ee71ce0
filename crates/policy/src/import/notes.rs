//! What a person should know about a document that was taken over.

use serde::Serialize;

/// One thing that is not quite as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How it weighs.
    pub weight: Weight,
    /// Where in the new document: a JSON Pointer, empty for all of it.
    pub pointer: String,
    /// The line that it comes from, in the text as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is so.
    pub what: String,
    /// Why it is so, or what to do about it.
    pub why: String,
}

/// How a note weighs, the heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Calls may be refused that passed there.
    Stricter,
    /// Something that somebody should decide or look at.
    Check,
    /// Something was left out that decided nothing.
    Dropped,
}

impl Weight {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stricter => "stricter",
            Self::Check => "check",
            Self::Dropped => "dropped",
        }
    }

    /// The word for people.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Stricter => "Stricter",
            Self::Check => "Please check",
            Self::Dropped => "Left out",
        }
    }
}
