//! Server-sent events, read as they arrive and passed on byte for byte.

mod decoder;
mod event;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, EventTooLarge, MAX_EVENT_BYTES};
pub use event::{Event, comment, encode};
