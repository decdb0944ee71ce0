//! The way out: one request to one server, and its answer judged on the way back.

mod answer;
pub(crate) mod ask;
mod channel;
mod exchange;
mod filter;
pub(crate) mod handshake;
mod health;
pub(crate) mod judge;
pub(crate) mod reading;
mod redact;
mod relay;
pub(crate) mod resumed;
mod send;
mod tasks;
pub(crate) mod wire;

pub(crate) use answer::Answer;
pub(crate) use channel::Channels;
pub(crate) use exchange::Exchange;
pub(crate) use health::Health;
pub(crate) use relay::Relay;
pub(crate) use send::{Failed, Sent, send};
