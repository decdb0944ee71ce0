//! The data plane: one MCP call in, one answer out, one record. It never touches the database;
//! what it needs it asks of [`Source`] and [`Records`].

pub mod records;
pub mod source;

pub use records::Records;
pub use source::Source;
