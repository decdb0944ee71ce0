//! From text to document: strict, and with all of its errors at once.

mod condition;
mod document;
mod limit;
mod reader;
mod rule;

pub use document::{parse, parse_import};

pub(crate) use document::{DOCUMENT_KEYS, SECTION_KEYS};
pub(crate) use limit::{LIMIT_KEYS, RATE_LIMIT_KEYS};
pub(crate) use reader::{Fields, Place, Reader};
pub(crate) use rule::{ACTIONS, GATE_KEYS, PREDICATE_KEYS, RULE_KEYS};
