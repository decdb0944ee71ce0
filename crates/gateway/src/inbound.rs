//! The head of a request as HTTP brought it, with the address taken apart.

use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::CallId;
use http::{HeaderMap, Method};

/// See the module.
pub(crate) struct Inbound {
    /// Names the request in the answer's `x-request-id`, and the call's record.
    pub(crate) id: CallId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) started: Instant,
    /// As in the address; perhaps not a slug at all.
    pub(crate) organisation: String,
    pub(crate) server: Option<String>,
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
}
