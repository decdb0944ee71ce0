//! News of what was just done: a toast on the page that one is sent on to. It travels in a cookie
//! that the next page removes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use url::form_urlencoded::{byte_serialize, parse};

use crate::app::Settings;

const COOKIE: &str = "drawbridge-news";
/// Longest text that is carried.
const MAX_CHARS: usize = 300;

/// A toast.
#[derive(Debug, Clone)]
pub(crate) struct Flash {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// The news that a request brings, if any.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(pub(crate) Option<Flash>);

impl<S: Sync> FromRequestParts<S> for News {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let jar = CookieJar::from_headers(&parts.headers);
        let text = jar.get(COOKIE).and_then(|cookie| {
            let mut pairs = parse(cookie.value().as_bytes());
            pairs.next().map(|(text, _)| text.chars().take(MAX_CHARS).collect::<String>())
        });
        Ok(Self(text.map(|text| Flash { kind: "success", text })))
    }
}

/// Sends the browser on to `to` (303), where `text` says what was done.
pub(crate) fn done(settings: &Settings, to: &str, text: &str) -> Response {
    let text: String = text.chars().take(MAX_CHARS).collect();
    let text: String = byte_serialize(text.as_bytes()).collect();
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={text}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax{secure}");
    let mut response = (StatusCode::SEE_OTHER, Redirect::to(to)).into_response();
    // Percent-encoded text is always a valid header.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Removes the news from the browser: they were shown.
pub(super) fn shown(response: &mut Response) {
    let gone = HeaderValue::from_static("drawbridge-news=; Path=/; Max-Age=0");
    response.headers_mut().append(SET_COOKIE, gone);
}
