//! Reads a JSON body.

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::spelling;
use crate::failure::{Failure, Kind};

/// A JSON body. Wrong media type: 415. Not JSON: 400 with line and column. Another shape: 422 with
/// a pointer.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body that may be left out altogether; then everything in it has its default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        check_media_type(request.headers())?;
        parse(&read(request, state).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let media_type = check_media_type(request.headers());
        let body = read(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        media_type?;
        parse(&body).map(Self)
    }
}

/// Reads a whole body, up to the limit of `layers.rs`.
pub(super) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Failure::new(Kind::TooLarge, "The body may have at most 1 MiB. Nothing was saved.")
        } else {
            Failure::new(Kind::Malformed, "The body did not arrive whole. Send it again.")
                .because(rejection)
        }
    })
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = media_type.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Failure::new(Kind::UnsupportedMedia, "Send the body as `Content-Type: application/json`."))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().iter().filter_map(segment).collect();
        refused(error.inner(), path)
    })?;
    json.end().map_err(|error| refused(&error, Vec::new()))?;
    Ok(value)
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

fn refused(error: &serde_json::Error, path: Vec<String>) -> Failure {
    if error.is_data() {
        return Failure::invalid(vec![spelling::explain(path, &error.to_string())]);
    }
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    Failure::new(
        Kind::Malformed,
        format!("The body is not JSON: {what}, at line {line}, column {column}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[expect(dead_code, reason = "only errors are looked at")]
        names: Vec<String>,
    }

    fn failed(body: &str) -> Failure {
        parse::<Form>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn text_that_is_not_json_is_told_where_it_stops_being() {
        let failure = failed("{\"names\":\n  [\"a\",]}");
        assert_eq!(failure.kind(), Kind::Malformed);
        assert!(failure.text().ends_with("at line 2, column 8."), "{}", failure.text());
        assert_eq!(failed("{\"names\":[]} x").kind(), Kind::Malformed);
        assert_eq!(failed("").kind(), Kind::Malformed);
    }

    #[test]
    fn another_shape_is_told_by_pointer() {
        let failure = failed(r#"{"names":["a",2]}"#);
        assert_eq!(failure.kind(), Kind::Invalid);
        assert_eq!(failure.fields()[0].pointer, "/names/1");
        assert_eq!(failed(r#"{"name":[]}"#).fields()[0].pointer, "/name");
        assert_eq!(failed("{}").fields()[0].pointer, "/names");
        assert_eq!(failed(r#"{"names":[],"names":[]}"#).fields()[0].pointer, "/names");
    }
}
