//! The policy language: parse, explain errors, normalise, compile, decide.
//!
//! Text becomes a [`Document`] (every error at once, each with its place); a document and the
//! pinned tools of a server become a [`Compiled`] policy; that decides each [`Call`]. Lists and
//! calls are answered by the same rules, and an explanation comes from the same engine.
//!
//! ```
//! use policy::{Call, Category, Context, Decision, ToolFacts, ToolState};
//!
//! let document = policy::parse(
//!     r#"{"version": "1", "default": "deny", "tools": {"pay": {"deny_if": [
//!         {"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}]}}}"#,
//! )
//! .unwrap();
//! let tool = ToolFacts {
//!     name: "pay".into(),
//!     category: Category::Financial,
//!     risk: "critical".into(),
//!     input_schema: None,
//!     annotations: None,
//!     state: ToolState::Current,
//! };
//! let policy = policy::compile(&document, &[tool]).unwrap();
//!
//! let now = "2026-11-25T12:00:00Z".parse().unwrap();
//! let context = Context { grant_label: "agent", client_name: None, now };
//! let arguments = json::parse(br#"{"amount": 99.5}"#).unwrap();
//! let call = Call { tool: "pay", arguments: Some(arguments.root()), context: &context };
//! assert!(matches!(policy.decide(&call), Decision::Allow { .. }));
//! ```
//!
//! Start at [`parse()`] for what is accepted, at `engine/case.rs` for the order of a decision.
//!
//! What it costs, beside the same policy in two other languages (each tool allowed up to an amount;
//! `cargo xtask bench rivals`, medians on a busy machine of two cores; Cedar looks at every policy
//! of a set, the other two at the rule of the tool):
//!
//! | rules | ready: ours | CEL | Cedar | one decision: ours | CEL | Cedar |
//! |---|---|---|---|---|---|---|
//! | 20 | 0.33 ms | 1.5 ms | 1.1 ms | 1.1 µs | 4.2 µs | 55 µs |
//! | 200 | 3.8 ms | 16 ms | 9.1 ms | 1.0 µs | 4.4 µs | 560 µs |
//! | 2 000 | 50 ms | 157 ms | 128 ms | 1.1 µs | 4.1 µs | 6 900 µs |
//!
//! Never here: I/O, a clock, randomness, HTTP. The time is part of a call's [`Context`]; counting
//! is the gateway's, which gets [`LimitRequest`]s.

mod category;
mod check;
mod cidr;
mod compiled;
mod condition;
mod decimal;
mod decision;
mod diff;
mod document;
mod engine;
mod facts;
mod fields;
mod fold;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod glob;
mod import;
mod limit;
mod lint;
mod literal;
mod parse;
mod path;
mod patterns;
mod problem;
mod redact;
pub mod replay;
mod response;
mod schema;
pub mod suite;
mod uri;
mod window;

pub use category::Category;
pub use check::{Checked, check};
pub use compiled::{
    Applied, Compiled, ExplainedCondition, ExplainedLimit, ExplainedStep, Explanation, RuleSource,
    compile,
};
pub use decision::{APPROVAL_WORDS, DENIED_WORDS, answer_text};
pub use decision::{Call, Context, Decision, Observed, Refusal, Refused, rule};
pub use diff::{Bearing, Change, diff};
pub use document::{Document, Effect, Mode, ServerRequest, Stance};
pub use facts::{ToolFacts, ToolState};
pub use fields::{Field, fields};
pub use import::{Dialect, Imported, Note, Others, Weight, import};
pub use limit::{Algorithm, Limit, LimitRequest, Limits, Measure, Scope, limit_message};
pub use lint::warnings;
pub use parse::parse;
pub use path::Path;
pub use problem::Problem;
pub use redact::{ResponseRule, secrets_in};
pub use response::Approvals;
pub use schema::json_schema;
pub use window::{MAX_WINDOW_SECS, Window};
