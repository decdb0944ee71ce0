//! What a tool can do: category, level, evidence and recommended rule, from its definition alone.
//!
//! Deterministic and explained; no I/O, no network, no model. [`classify`] reads a definition in
//! four steps: words (`name.rs`, `description.rs`, `schema.rs`), the kinds of deed they speak of
//! (`lexicon.rs`), one judgement (`judge.rs`), and what follows from it (`level.rs`,
//! `signals.rs`). Everything that it reads was written by the party being judged: it may raise a
//! risk, and only the words of the deed itself decide that there is none.

mod assessment;
mod classify;
mod description;
mod judge;
mod level;
mod lexicon;
mod name;
mod recommend;
mod schema;
mod signals;
mod words;

pub use assessment::{Assessment, AttackPattern, Evidence, Level, Signal, Source};
pub use classify::{ToolInput, classify};
pub use recommend::{Style, recommended_policy, recommended_rule};
