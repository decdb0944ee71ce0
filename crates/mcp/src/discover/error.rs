//! Why a server could not be met, in words that tell a person what to do.

use std::fmt;

use http::StatusCode;

use crate::client::{ReadError, Refused, SendError};
use crate::lists::BadList;
use crate::version::ProtocolVersion;

/// Why there is no discovery. The texts are for the page.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// There is no way to the server.
    #[error("{0}")]
    Unreachable(#[source] SendError),
    /// The address is one that we do not connect to.
    #[error("{0}")]
    AddressRefused(Refused),
    /// 401.
    #[error("This server answered 401. Its credentials are missing or have expired.")]
    Unauthorized {
        /// Its challenge, which may name where to log in.
        www_authenticate: Option<String>,
    },
    /// 403.
    #[error("This server answered 403. Its credentials do not permit this.")]
    Forbidden,
    /// It moved to another origin, or with a redirect that changes the request.
    #[error("This server redirects to {location}. Use that address if it is the right one.")]
    Redirected {
        /// Where to.
        location: String,
    },
    /// Something answers, but not MCP.
    #[error("This address answered {status}, but not as an MCP server{hint}.")]
    NotMcp {
        /// The HTTP status.
        status: StatusCode,
        /// Its media type.
        content_type: Option<String>,
        /// What it seems to be.
        hint: Hint,
    },
    /// It is an MCP server, and it refused a request.
    #[error("This server refused with error {code}: {message}")]
    Rejected {
        /// The HTTP status.
        status: StatusCode,
        /// The JSON-RPC code.
        code: i64,
        /// What it said, shortened.
        message: String,
    },
    /// It speaks a version of the protocol that we do not.
    #[error("This server speaks version {version:?} of the protocol, which Drawbridge does not.")]
    UnsupportedVersion {
        /// The version it named.
        version: String,
    },
    /// 5xx, or 429.
    #[error("This server answered {status}. Try again when it is well.")]
    ServerError {
        /// The HTTP status.
        status: StatusCode,
    },
    /// It took too long.
    #[error("This server did not answer in time.")]
    TimedOut,
    /// Its answers are too large or its tools too many.
    #[error("This server's answers are larger than Drawbridge accepts.")]
    TooLarge,
    /// Its list of tools never ends.
    #[error("This server's list of tools does not end.")]
    EndlessList,
    /// Its list of tools cannot be read.
    #[error("This server's list of tools is malformed at {pointer:?}.")]
    BadList {
        /// RFC 6901 pointer into the answer.
        pointer: String,
    },
}

impl DiscoverError {
    /// Whether a server of another era would have answered like this: by 4xx, but not by what
    /// says that the credentials or the pace are wrong; or with that era's version.
    pub(super) fn is_era_evidence(&self) -> bool {
        match self {
            Self::NotMcp { status, .. } | Self::Rejected { status, .. } => status.is_client_error(),
            Self::UnsupportedVersion { version } => ProtocolVersion::find(version).is_some(),
            _ => false,
        }
    }
}

impl From<SendError> for DiscoverError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(why) => Self::AddressRefused(why),
            SendError::TimedOut { .. } => Self::TimedOut,
            other => Self::Unreachable(other),
        }
    }
}

impl From<ReadError> for DiscoverError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge { .. } => Self::TooLarge,
            ReadError::Broken(source) => {
                Self::Unreachable(SendError::Broken { sent: true, source })
            }
        }
    }
}

impl From<BadList> for DiscoverError {
    fn from(error: BadList) -> Self {
        match error {
            BadList::NotJson(_) => Self::BadList { pointer: String::new() },
            BadList::Malformed { pointer } => Self::BadList { pointer },
        }
    }
}

/// What something that is not an MCP server seems to be. Reads as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// A page for people.
    WebPage,
    /// Nothing there.
    WrongPath,
    /// JSON, but not JSON-RPC.
    OtherJson,
    /// A stream that ended or never said what it had to.
    StreamWithoutAnswer,
    /// A stream that names an address of another origin to post to.
    ForeignEndpoint,
    /// Nothing is known.
    Nothing,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebPage => "; it looks like a web page",
            Self::WrongPath => "; the path is probably wrong (MCP servers often listen at /mcp)",
            Self::OtherJson => "; what it sent is JSON of another kind",
            Self::StreamWithoutAnswer => "; its event stream ended without an answer",
            Self::ForeignEndpoint => "; its event stream points to another host",
            Self::Nothing => "",
        })
    }
}
