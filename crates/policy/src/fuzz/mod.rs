//! What must hold whatever comes in, as plain functions of bytes: each panics if something does
//! not. Tests call them, and so does the fuzzer of `fuzz/`; no product has them.
//!
//! [`evaluate`] makes a whole document of the bytes and asks a second, naive evaluator of the
//! language (`reference/`) what should come of each call.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a body that fails here has found something"
)]

#[cfg(test)]
mod changes;
mod compile;
#[cfg(test)]
mod corpus;
mod dice;
mod evaluate;
mod laws;
mod made;
#[cfg(test)]
mod mutate;
mod parse;
mod reference;
#[cfg(test)]
mod tests;
mod tree;

pub use compile::compile;
pub use evaluate::evaluate;
pub use parse::parse;
