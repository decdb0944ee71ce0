//! Strict JSON as a flat tape of spans over the caller's bytes.
//!
//! The gateway judges the very bytes it forwards, so a value must keep its place in the source:
//! every [`Node`] knows its span, numbers stay text, and an edit is a [`splice`]. A document is
//! parsed once, iteratively, with one allocation; whatever RFC 8259 does not allow is refused.
//!
//! Never here: MCP, policies, I/O, a second parse.
//!
//! ```
//! let tape = json::parse(br#"{"id": 7, "params": {"name": "echo"}}"#)?;
//! let name = tape.root().pointer("/params/name").and_then(json::Node::as_str);
//! assert_eq!(name.as_deref(), Some("echo"));
//! # Ok::<(), json::Error>(())
//! ```

mod canonical;
mod duplicate;
mod error;
mod node;
mod parse;
mod splice;
mod tape;
mod text;

pub use canonical::canonical_into;
pub use duplicate::Duplicate;
pub use error::{Error, ErrorKind, line_column};
pub use node::{Items, Member, Members, Node};
pub use parse::{Limits, MAX_DEPTH, MAX_LEN, parse, parse_with};
pub use splice::splice;
pub use tape::{Kind, Tape};
pub use text::{escape_into, quoted};
