//! A stdio server over HTTP, against small servers written in shell.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod legacy;
mod modern;
mod world;
