//! The way out: one request to one server, and its answer judged on the way back.

mod answer;
pub(crate) mod ask;
mod exchange;
mod filter;
mod health;
pub(crate) mod judge;
mod relay;
mod send;
mod tasks;
pub(crate) mod wire;

pub(crate) use answer::Answer;
pub(crate) use exchange::Exchange;
pub(crate) use health::Health;
pub(crate) use relay::Relay;
pub(crate) use send::send;
