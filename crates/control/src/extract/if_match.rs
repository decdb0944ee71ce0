//! Reads `If-Match`, where the entity tag is the number of a version.

use axum::extract::FromRequestParts;
use http::header::IF_MATCH;
use http::request::Parts;

use crate::failure::{Failure, Kind};

/// The version that the caller has seen; `None` where it does not say (or says `*`).
pub(crate) struct IfMatch(pub(crate) Option<i32>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        match value.to_str().map(str::trim) {
            Ok("*") => Ok(Self(None)),
            Ok(text) => read(text).map(|version| Self(Some(version))),
            Err(_unreadable) => read("").map(|version| Self(Some(version))),
        }
    }
}

fn read(tag: &str) -> Result<i32, Failure> {
    let number = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    number.and_then(|number| number.parse().ok()).ok_or_else(|| {
        Failure::new(
            Kind::Stale,
            "No version has this tag. Send the `ETag` that you read, such as `If-Match: \"3\"`.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_quoted_number() {
        assert_eq!(read("\"3\"").ok(), Some(3));
        for bad in ["3", "\"x\"", "W/\"3\"", "\"3\", \"4\"", ""] {
            assert_eq!(read(bad).unwrap_err().kind(), Kind::Stale, "{bad}");
        }
    }
}
