//! Warnings: what a valid document says that is probably not meant. They never block.

mod found;
mod limits;
mod names;
mod rules;

pub use found::warnings;
pub(crate) use found::{lint, located};
