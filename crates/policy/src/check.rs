//! Everything there is to say of a text: for the editor, which asks while someone types.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::facts::ToolFacts;
use crate::lint::{lint, located};
use crate::parse::parse;
use crate::problem::Problem;

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Whether the text is a policy document.
    pub valid: bool,
    /// What is wrong with it.
    pub errors: Vec<Problem>,
    /// What is probably not meant. Never blocks.
    pub warnings: Vec<Problem>,
    /// The normal form of a valid document.
    pub normalised: Option<Box<RawValue>>,
}

/// Checks a text, as a policy for these tools where they are known.
pub fn check(text: &str, tools: Option<&[ToolFacts]>) -> Checked {
    match parse(text) {
        Err(errors) => Checked { valid: false, errors, warnings: Vec::new(), normalised: None },
        Ok(document) => Checked {
            valid: true,
            errors: Vec::new(),
            warnings: located(lint(&document, tools), text),
            normalised: RawValue::from_string(document.to_json()).ok(),
        },
    }
}
