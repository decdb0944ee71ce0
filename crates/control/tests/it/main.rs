//! The control plane as its users meet it: the real router, a real database. The tree follows the
//! tree of URLs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod api;
mod layers;
mod oauth;
mod pages;
mod routes;
mod sessions;
