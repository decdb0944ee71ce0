//! Our own readers of paths, queries and bodies. Each says what is wrong, where, and what would be
//! right; the rest of the crate uses no others.

mod form;
mod if_match;
mod json;
mod path;
mod query;
mod spelling;

pub(crate) use form::Form;
pub(crate) use if_match::IfMatch;
pub(crate) use json::{Json, OptionalJson};
pub(crate) use path::Path;
pub(crate) use query::Query;
