//! Judging one call: conditions, keys, schema, limits, in the order of the language.

mod case;
mod condition;
mod effort;
mod keys;
mod quota;
mod schema;
mod value;
mod witness;

pub(crate) use case::{Case, Passed, Ruleset};
pub(crate) use condition::{Known, Scope, ToolScope, Truth, shown};
pub(crate) use effort::Effort;
pub(crate) use keys::Keys;
pub(crate) use schema::Schema;
pub(crate) use witness::{Blank, Silent, Step, Witness};
