//! Which headers cross the gateway, in which direction, and which a tenant may set.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RETRY_AFTER, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// `MCP-Protocol-Version`
pub const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// `Mcp-Session-Id`, the legacy era's session.
pub const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// `Mcp-Method`, mirrors `method`.
pub const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// `Mcp-Name`, mirrors `params.name`, `params.uri` or `params.taskId`.
pub const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
/// `Last-Event-ID`, from where a stream is resumed.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const MCP_PREFIX: &str = "mcp-";
const MCP_PARAM_PREFIX: &str = "mcp-param-";

/// What an upstream gets to see of a client's request headers. The session id is not among them:
/// the client's and the upstream's differ, and the gateway maps one to the other. Nor is the
/// content type: a server that believes its `charset` reads another text than was judged.
pub fn for_upstream(inbound: &HeaderMap) -> HeaderMap {
    picked(inbound, |name| {
        let name = name.as_str();
        matches!(name, "accept" | "mcp-protocol-version" | "mcp-method" | "mcp-name")
            || name == "last-event-id"
            || matches!(name, "traceparent" | "tracestate" | "baggage")
            || name.starts_with(MCP_PARAM_PREFIX)
    })
}

/// What a client gets to see of an upstream's response headers. Not its cookies, not its login
/// challenge, not its CORS rules; the session id is mapped by the gateway.
pub fn for_client(upstream: &HeaderMap) -> HeaderMap {
    picked(upstream, |name| [CONTENT_TYPE, ALLOW, RETRY_AFTER].contains(name))
}

fn picked(from: &HeaderMap, keep: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let kept = from.iter().filter(|(name, _)| keep(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

// === Credentials ===

/// Why a header cannot be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// Not a header name at all.
    #[error("This is not a header name.")]
    Name,
    /// A header that Drawbridge or HTTP itself sets.
    #[error("The header {0} is set by Drawbridge and cannot be a credential.")]
    Reserved(String),
    /// A value that a header cannot carry, such as one with a line break.
    #[error("The value has characters that a header cannot carry.")]
    Value,
}

/// Whether a credential may not use this header, because HTTP or the protocol needs it.
pub fn is_reserved(name: &HeaderName) -> bool {
    const HOP_BY_HOP: [HeaderName; 8] = [
        CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        EXPECT,
    ];
    const OURS: [HeaderName; 9] = [
        HOST,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        ACCEPT,
        ACCEPT_ENCODING,
        COOKIE,
        SET_COOKIE,
        LAST_EVENT_ID,
    ];
    HOP_BY_HOP.contains(name)
        || OURS.contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
        || name.as_str().starts_with(MCP_PREFIX)
}

/// A credential as a header, marked so that it never appears in a debug print.
pub fn credential(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BadCredential> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(BadCredential::Name);
    };
    if is_reserved(&name) {
        return Err(BadCredential::Reserved(name.to_string()));
    }
    let Ok(mut value) = HeaderValue::from_str(value) else {
        return Err(BadCredential::Value);
    };
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    fn map(names: &[&'static str]) -> HeaderMap {
        let value = HeaderValue::from_static("v");
        names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect()
    }

    #[test]
    fn upstreams_see_only_what_the_protocol_needs() {
        let inbound = map(&[
            "accept",
            "accept-encoding",
            "authorization",
            "connection",
            "content-type",
            "cookie",
            "forwarded",
            "host",
            "last-event-id",
            "mcp-method",
            "mcp-name",
            "mcp-param-region",
            "mcp-protocol-version",
            "mcp-session-id",
            "origin",
            "traceparent",
            "user-agent",
            "x-forwarded-for",
        ]);
        let expected = [
            "accept",
            "last-event-id",
            "mcp-method",
            "mcp-name",
            "mcp-param-region",
            "mcp-protocol-version",
            "traceparent",
        ];
        assert_eq!(names(&for_upstream(&inbound)), expected);
    }

    #[test]
    fn clients_see_neither_cookies_nor_challenges() {
        let upstream = map(&[
            "access-control-allow-origin",
            "allow",
            "content-type",
            "mcp-session-id",
            "retry-after",
            "server",
            "set-cookie",
            "www-authenticate",
        ]);
        assert_eq!(names(&for_client(&upstream)), ["allow", "content-type", "retry-after"]);
    }

    #[test]
    fn credentials_cannot_take_over_the_connection_or_the_protocol() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Mcp-Session-Id",
            "mcp-x",
            "Cookie",
            "TE",
            "Keep-Alive",
        ] {
            assert!(matches!(credential(name, "v"), Err(BadCredential::Reserved(_))), "{name}");
        }
        assert_eq!(credential("a b", "v"), Err(BadCredential::Name));
        assert_eq!(credential("x-key", "a\r\nb: c"), Err(BadCredential::Value));
        let (name, value) = credential("Authorization", "Bearer s3cret").unwrap();
        assert_eq!(
            (name.as_str(), format!("{value:?}").contains("s3cret")),
            ("authorization", false)
        );
    }
}
