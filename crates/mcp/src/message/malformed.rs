//! Why a message is refused before anyone judges it, and how that is said on the wire.

use http::StatusCode;

use crate::answer;
use crate::version::ProtocolVersion;

/// A message that is not judged, because it has no single safe reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// What is wrong.
    pub kind: MalformedKind,
    /// The HTTP status that the protocol asks for.
    pub http_status: StatusCode,
    /// The JSON-RPC error code.
    pub code: i32,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The request's id as written, if it could be read.
    pub id_raw: Option<String>,
}

impl Malformed {
    pub(crate) fn new(kind: MalformedKind, id_raw: Option<&str>) -> Self {
        Self {
            http_status: StatusCode::BAD_REQUEST,
            code: kind.code(),
            message: kind.to_string(),
            id_raw: id_raw.map(str::to_owned),
            kind,
        }
    }

    pub(super) fn unreadable(error: json::Error) -> Self {
        use json::ErrorKind::{InvalidUtf8, LoneSurrogate, TooDeep};
        let kind = match error.kind() {
            InvalidUtf8 | LoneSurrogate | TooDeep => MalformedKind::Unsafe(error),
            _ => MalformedKind::NotJson(error),
        };
        Self::new(kind, None)
    }

    /// JSON for the error's `data`, where the protocol defines some.
    pub fn data(&self) -> Option<String> {
        let MalformedKind::UnsupportedVersion(requested) = &self.kind else { return None };
        let (supported, requested) = (ProtocolVersion::LATEST, json::quoted(requested));
        Some(format!(r#"{{"supported":["{supported}"],"requested":{requested}}}"#))
    }

    /// The answer to send: a JSON-RPC error.
    pub fn body(&self) -> Vec<u8> {
        answer::error(self.id_raw.as_deref(), self.code, &self.message, self.data().as_deref())
    }
}

/// The ways in which a message can be unfit to be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKind {
    /// Not JSON at all.
    #[error("The body is not JSON: {0}.")]
    NotJson(json::Error),
    /// JSON that readers disagree about: bad UTF-8, lone surrogates, bottomless nesting.
    #[error("The body cannot be read safely: {0}.")]
    Unsafe(json::Error),
    /// An array at the top.
    #[error("Batches are not accepted. Send one message per request.")]
    Batch,
    /// A bare string, number, or the like.
    #[error("A message must be a JSON object.")]
    NotAnObject,
    /// A key that occurs twice in one object.
    #[error("The key {key:?} occurs twice in the object at {pointer:?}.")]
    DuplicateKey {
        /// RFC 6901 pointer to the object.
        pointer: String,
        /// The key.
        key: String,
    },
    /// A key that some reader takes for one of the protocol's.
    #[error("The key {0:?} can be mistaken for a key of the protocol.")]
    LookAlikeKey(String),
    /// `jsonrpc` is not `"2.0"`.
    #[error("\"jsonrpc\" must be \"2.0\".")]
    Version,
    /// `id` is neither a string nor an integer.
    #[error("\"id\" must be a string or an integer.")]
    Id,
    /// `method` is not a string.
    #[error("\"method\" must be a string.")]
    Method,
    /// Neither request nor notification nor response, or several at once.
    #[error("A message has either a \"method\", or a \"result\", or an \"error\".")]
    Shape,
    /// `params` is not an object.
    #[error("\"params\" must be an object.")]
    Params,
    /// `params.arguments` is not an object.
    #[error("\"params.arguments\" must be an object.")]
    Arguments,
    /// `params.ref` names a prompt and a resource at once.
    #[error("\"params.ref\" must name either a prompt or a resource.")]
    AmbiguousRef,
    /// The method cannot do without this member, as a string.
    #[error("\"params.{0}\" must be a string.")]
    MissingParam(&'static str),
    /// The modern era requires this member of `params._meta`.
    #[error("\"params._meta\" must have {0:?}.")]
    MissingMeta(&'static str),
    /// A header contradicts the body, is missing, repeated or unreadable.
    #[error("Header mismatch: {0}.")]
    HeaderMismatch(String),
    /// A modern request in a version that nobody here speaks.
    #[error("Unsupported protocol version {0:?}.")]
    UnsupportedVersion(String),
    /// A legacy request whose version header names no revision.
    #[error("Unsupported protocol version {0:?} in the MCP-Protocol-Version header.")]
    UnknownLegacyVersion(String),
}

impl From<json::Duplicate> for MalformedKind {
    fn from(duplicate: json::Duplicate) -> Self {
        Self::DuplicateKey { pointer: duplicate.pointer, key: duplicate.key }
    }
}

impl MalformedKind {
    fn code(&self) -> i32 {
        match self {
            Self::NotJson(_) => -32700,
            Self::MissingParam(_) | Self::MissingMeta(_) => -32602,
            Self::HeaderMismatch(_) => -32020,
            Self::UnsupportedVersion(_) => -32022,
            _ => -32600,
        }
    }
}
