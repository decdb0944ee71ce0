//! The authorization server: MCP clients log in here instead of holding a pasted token
//! (OAuth 2.1 with PKCE, RFC 8707, 9207, 7591, 7009 and client metadata documents).
//!
//! A client registers or describes itself ([`client`]), sends a browser to `/authorize`, whose
//! person allows it a grant (`pages/consent`), and exchanges the code for tokens of that grant. The
//! rules of what is issued are in `acts/connections.rs`; the gateway checks an access token exactly
//! as it checks a pasted one.

mod authorize;
pub(crate) mod client;
mod document;
mod metadata;
mod params;
pub(crate) mod redirect;
mod refused;
mod register;
pub(crate) mod request;
pub(crate) mod resource;
mod revoke;
mod token;

pub(crate) use authorize::authorize;
pub(crate) use metadata::metadata;
pub(crate) use refused::{Refused, Word};
pub(crate) use register::register;
pub(crate) use revoke::revoke;
pub(crate) use token::token;

/// The one scope there is: what a client may do is its grant's policy.
pub(crate) const SCOPE: &str = "mcp";
