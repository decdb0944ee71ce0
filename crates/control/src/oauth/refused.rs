//! What a client is told when its request is refused: a word for the program, a sentence for its
//! person (RFC 6749, 5.2; RFC 7591, 3.2.2).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::params::Doubled;
use crate::failure::Failure;

/// The words that OAuth has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidTarget,
    InvalidRedirectUri,
    InvalidClientMetadata,
    UnsupportedGrantType,
    UnsupportedResponseType,
    TemporarilyUnavailable,
    AccessDenied,
}

impl Word {
    /// The word itself.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::AccessDenied => "access_denied",
        }
    }
}

/// Why a request was refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// By a rule.
    Said(Word, Cow<'static, str>),
    /// By something that failed.
    Failed(Failure),
}

impl Refused {
    /// Refused by a rule.
    pub(crate) fn new(word: Word, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Said(word, text.into())
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Doubled> for Refused {
    fn from(Doubled(name): Doubled) -> Self {
        Self::new(Word::InvalidRequest, format!("{name} is given twice, with different values"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (word, text) = match self {
            Self::Said(word, text) => (word, text),
            Self::Failed(failure) => return failure.into_response(),
        };
        let status = match word {
            Word::InvalidClient => StatusCode::UNAUTHORIZED,
            Word::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = json!({ "error": word.as_str(), "error_description": text });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}
