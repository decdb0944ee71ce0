//! What must hold whatever bytes come in, as plain functions of bytes: each panics if something
//! does not. Tests call them, and so does the fuzzer of `fuzz/`; no product has them.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a body that fails here has found something"
)]

#[cfg(test)]
mod corpus;
mod envelope;
#[cfg(test)]
mod hostile;
mod list;
#[cfg(test)]
mod mutate;
mod readers;
mod rule;
mod seal;
mod stream;
#[cfg(test)]
mod tests;

pub use envelope::envelope;
pub use list::list;
pub use seal::seal;
pub use stream::stream;
