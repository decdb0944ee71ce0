//! The gateway over real sockets: what agents, and whoever pretends to be one, get to see.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

mod agreement;
mod bridge;
mod change;
mod connections;
mod differential;
mod envelope;
mod front;
mod hostile;
mod legacy_sse;
mod limits;
mod mistakes;
mod overload;
mod records;
mod refusals;
mod responses;
mod sessions;
mod streams;
mod tasks;
mod tenant;
mod timing;
mod world;
