//! A whole control plane for tests, with people who use it: [`TestApp`] over a fresh database,
//! [`Tenant`] with its [`Actor`]s, [`upstream`]s good and bad. Development only.
//!
//! It serves integration tests (`tests/it`) alone: in a unit test a crate would meet itself twice.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be set up here is a failed test"
)]

mod actor;
mod app;
mod tenant;
pub mod upstream;

pub use actor::{Actor, Answer};
pub use app::{TestApp, Told};
pub use tenant::Tenant;
