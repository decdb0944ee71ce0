//! Bodies: what may come in, how much of it, and how our own JSON goes out.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::refusal::Refusal;
use crate::settings::Settings;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const TOO_LARGE: Refusal =
    Refusal::Http(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large.");

/// Reads a whole body, as large and as slow as the settings let it be.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
) -> Result<Bytes, Refusal> {
    let limit = settings.max_request_bytes;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|n| n > limit) {
        return Err(TOO_LARGE);
    }
    match tokio::time::timeout(settings.request_deadline, Limited::new(body, limit).collect()).await
    {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(TOO_LARGE),
        Ok(Err(_cut)) => Err(Refusal::Http(StatusCode::BAD_REQUEST, "The body was cut off.")),
        Err(_elapsed) => {
            let text = "The request body did not arrive in time.";
            Err(Refusal::Http(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

/// Checks that a POST carries JSON, and that its client can read one of our answers.
pub(crate) fn check_post(headers: &HeaderMap) -> Result<Accepts, Refusal> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_json = types.next().is_some_and(|value| is_kind(value, "application/json"));
    if !is_json || types.next().is_some() {
        let text = "The Content-Type must be application/json.";
        return Err(Refusal::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let accepts = Accepts::of(headers);
    if accepts.json || accepts.stream {
        return Ok(accepts);
    }
    let text = "Accept must allow application/json or text/event-stream.";
    Err(Refusal::Http(StatusCode::NOT_ACCEPTABLE, text))
}

/// What a client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts {
    pub(crate) json: bool,
    pub(crate) stream: bool,
}

impl Accepts {
    /// By its `Accept` headers; without any, everything.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut accepts = Self { json: false, stream: false };
        let mut any = false;
        for value in headers.get_all(ACCEPT) {
            any = true;
            for range in value.to_str().unwrap_or_default().split(',') {
                accepts.add(range);
            }
        }
        if any { accepts } else { Self { json: true, stream: true } }
    }

    fn add(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32))
        });
        let is_any = |kinds: [&str; 3]| kinds.iter().any(|known| known.eq_ignore_ascii_case(kind));
        if !is_refused {
            self.json |= is_any(["*/*", "application/*", "application/json"]);
            self.stream |= is_any(["*/*", "text/*", "text/event-stream"]);
        }
    }

    /// The same, as servers are told.
    pub(crate) const fn as_header(self) -> HeaderValue {
        HeaderValue::from_static(match (self.json, self.stream) {
            (true, false) => "application/json",
            (false, true) => "text/event-stream",
            (true, true) | (false, false) => "application/json, text/event-stream",
        })
    }
}

/// Whether a `Content-Type` is of this kind, whatever its parameters and however it is written.
pub(crate) fn is_kind(value: &HeaderValue, kind: &str) -> bool {
    let text = value.to_str().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}

/// Whether a response is a stream of events.
pub(crate) fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| is_kind(value, "text/event-stream"))
}

/// An answer of our own.
pub(crate) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.clone(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn json_is_recognised_however_it_is_written_and_nothing_else_is() {
        for kind in ["application/json", "Application/JSON", "application/json; charset=utf-8"] {
            assert!(check_post(&headers(&[(CONTENT_TYPE, kind)])).is_ok(), "{kind}");
        }
        for kind in ["text/plain", "application/json2", "application/json, text/plain", ""] {
            assert!(check_post(&headers(&[(CONTENT_TYPE, kind)])).is_err(), "{kind}");
        }
        assert!(check_post(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_client_must_be_able_to_read_something() {
        let accepts = |value| Accepts::of(&headers(&[(ACCEPT, value)]));
        assert_eq!(accepts("*/*"), Accepts { json: true, stream: true });
        assert_eq!(accepts("Application/Json"), Accepts { json: true, stream: false });
        assert!(accepts("text/html, text/event-stream;q=0.5").stream);
        assert_eq!(accepts("application/json;q=0"), Accepts { json: false, stream: false });
        let kind = (CONTENT_TYPE, "application/json");
        assert!(check_post(&headers(&[kind, (ACCEPT, "text/html")])).is_err());
    }
}
