//! A document made ready to decide: immutable, shared, indexed by tool.

mod explain;
mod names;
mod others;
mod policy;

pub use explain::{ExplainedCondition, ExplainedLimit, ExplainedStep, Explanation};
pub(crate) use names::{Chooser, Hidden, Kind};
pub use policy::{Applied, Compiled, RuleSource, compile};
