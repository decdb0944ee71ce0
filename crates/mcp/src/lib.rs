//! The MCP wire: what a message is, which era it speaks, how streams and lists are read and
//! edited, and the one client through which anything leaves for a tenant's server.
//!
//! Never here: organisations, policies, storage. Nothing is parsed twice and nothing is
//! re-encoded: a message keeps its bytes, and an edit is a splice.
//!
//! Where to start: [`message::parse`] for what a client sent, [`era::classify`] for the dialect
//! it speaks, [`lists::filter`] for what a server lists, [`client::Client`] for the way out,
//! [`discover::discover`] for a server nobody has met yet.

pub mod answer;
pub mod client;
pub mod discover;
pub mod era;
pub mod headers;
pub mod lists;
pub mod message;
pub mod method;
pub mod mirrors;
pub mod sse;
pub mod version;
