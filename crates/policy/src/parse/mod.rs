//! From text to document: strict, and with all of its errors at once.

mod condition;
mod document;
mod limit;
mod reader;
mod response;
mod rule;

pub use document::parse;

pub(crate) use document::{DOCUMENT_KEYS, MAX_BYTES, SECTION_KEYS, parse_import};
pub(crate) use limit::{LIMIT_KEYS, RATE_LIMIT_KEYS};
pub(crate) use reader::{Entry, Fields, MAX_PROBLEMS, Place, Reader};
pub(crate) use response::{
    APPROVALS_KEYS, EXPIRES, MAX_MAX_BYTES, MAX_REDACTIONS, MAX_WITH_CHARS, OWN_KEYS, RESPONSE_KEYS,
};
pub(crate) use rule::{ACTIONS, GATE_KEYS, MAX_TEXT_CHARS, PREDICATE_KEYS, RULE_KEYS};
