//! The policy language from the outside.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail like the test itself"
)]

mod allocations;
mod changes;
mod decisions;
mod effort;
mod errors;
mod examples;
mod explanations;
mod imports;
mod intercept;
mod keys;
mod limits;
mod lists;
mod messages;
mod nasty;
mod operators;
mod paths;
mod published;
mod replay;
mod responses;
mod sections;
mod sugar;
mod suites;
mod support;
mod the_schema;
mod warnings;
