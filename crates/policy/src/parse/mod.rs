//! From text to document: strict, and with all of its errors at once.

mod condition;
mod document;
mod limit;
mod reader;
mod response;
mod rule;

pub use document::{parse, parse_import};

pub(crate) use document::{DOCUMENT_KEYS, SECTION_KEYS};
pub(crate) use limit::{LIMIT_KEYS, RATE_LIMIT_KEYS};
pub(crate) use reader::{Fields, Place, Reader};
pub(crate) use response::{
    APPROVALS_KEYS, MAX_MAX_BYTES, MAX_REDACTIONS, MAX_WITH_CHARS, OWN_KEYS, RESPONSE_KEYS,
};
pub(crate) use rule::{ACTIONS, GATE_KEYS, PREDICATE_KEYS, RULE_KEYS};
