//! The documents that MCP clients look for before they log in (RFC 9728). Public, JSON, and the
//! same for every slug, so that none can be found by asking.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE,
};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::settings::Settings;

const HEADERS: &str = "accept, content-type, mcp-protocol-version";

/// Where the metadata of the resource at `path` is.
pub(crate) fn metadata_url(settings: &Settings, path: &str) -> String {
    let base = settings.public_url.as_str().trim_end_matches('/');
    format!("{base}/.well-known/oauth-protected-resource{}", tidy(path))
}

/// The one scope there is: what a client may do is its grant's policy.
pub(crate) const SCOPE: &str = "mcp";

/// The metadata of the resource at `path`, with where a client can log in for it.
pub(crate) fn metadata(settings: &Settings, path: &str) -> Response {
    let base = settings.public_url.as_str().trim_end_matches('/');
    let document = json!({
        "resource": format!("{base}{}", tidy(path)),
        "authorization_servers": [settings.issuer.as_str().trim_end_matches('/')],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
        "resource_name": "Drawbridge gateway",
    });
    answer(StatusCode::OK, document.to_string())
}

/// Any other document is not there, in JSON: clients have been seen to fail on anything else.
pub(crate) fn not_found() -> Response {
    answer(StatusCode::NOT_FOUND, json!({"error": "not_found"}).to_string())
}

/// Any page may read them, also with the header that MCP clients add.
pub(crate) fn preflight() -> Response {
    let mut response = answer(StatusCode::NO_CONTENT, String::new());
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn answer(status: StatusCode, body: String) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    answer
}

/// The path as one resource is named: no trailing slash, nothing that would need quoting.
fn tidy(path: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'%');
    if path.bytes().all(plain) { path.trim_end_matches('/') } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_named_one_way_and_never_break_out_of_the_quotes() {
        let settings = Settings::at("https://gw.example.com/".parse().unwrap());
        let url = metadata_url(&settings, "/t/acme/mcp/");
        assert_eq!(url, "https://gw.example.com/.well-known/oauth-protected-resource/t/acme/mcp");
        assert!(metadata_url(&settings, "/t/a\"b/mcp").ends_with("oauth-protected-resource"));
    }
}
