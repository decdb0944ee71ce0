//! Which `Host` and `Origin` may call (the defence against DNS rebinding), and what a browser of
//! an allowed origin is told (CORS).

use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW,
    HOST, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use crate::settings::Settings;

const METHODS: HeaderValue = HeaderValue::from_static("POST, GET, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "mcp-session-id, mcp-protocol-version, www-authenticate, x-request-id, server-timing, \
     retry-after",
);
const ACCEPTED: &str = "authorization, content-type, accept, mcp-protocol-version, mcp-method, \
                        mcp-name, mcp-session-id, last-event-id";

/// The names by which this gateway may be called.
pub(crate) struct Doors {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// The request came through a name that is not ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign;

impl Doors {
    pub(crate) fn new(settings: &Settings) -> Self {
        let public = &settings.public_url;
        let allowed = settings.allowed_hosts.iter().map(|host| name_of(host).to_owned());
        let mut hosts: Vec<String> =
            public.host_str().map(str::to_owned).into_iter().chain(allowed).collect();
        let allowed = settings.allowed_origins.iter();
        let allowed = allowed.map(|origin| origin.trim_end_matches('/').to_owned());
        let mut origins: Vec<String> =
            std::iter::once(public.origin().ascii_serialization()).chain(allowed).collect();
        if settings.loopback {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                hosts.push(name.to_owned());
                origins.extend(with_host(public, name));
            }
        }
        Self { hosts, origins }
    }

    /// Checks both; the origin that CORS answers to, if the request has one.
    pub(crate) fn check(&self, request: &Parts) -> Result<Option<HeaderValue>, Foreign> {
        let host = host(request).ok_or(Foreign)?;
        if !is_one_of(&self.hosts, name_of(host)) {
            return Err(Foreign);
        }
        let mut origins = request.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(None),
            (Some(origin), None) if self.is_ours(origin) => Ok(Some(origin.clone())),
            (Some(_), _) => Err(Foreign),
        }
    }

    fn is_ours(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| is_one_of(&self.origins, origin))
    }
}

fn is_one_of(known: &[String], name: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The one authority that the request names: of its target (HTTP/2), else of its `Host`.
fn host(request: &Parts) -> Option<&str> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let header = hosts.next().map(|host| host.to_str().ok());
    if hosts.next().is_some() {
        return None;
    }
    match (request.uri.authority(), header) {
        (Some(authority), None) => Some(authority.as_str()),
        (None, Some(host)) => host,
        (Some(authority), Some(host)) => host.filter(|host| *host == authority.as_str()),
        (None, None) => None,
    }
}

/// An authority without its port.
fn name_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn with_host(url: &Url, host: &str) -> Option<String> {
    let mut url = url.clone();
    url.set_host(Some(host)).ok()?;
    Some(url.origin().ascii_serialization())
}

/// The answer to `OPTIONS`; a preflight's of an allowed origin is completed by [`allow`].
pub(crate) fn preflight(request: &HeaderMap) -> Response {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, accepted(request));
    answer
}

/// The headers that a browser may send: ours, and the mirrored parameters it asks for.
fn accepted(request: &HeaderMap) -> HeaderValue {
    let asked = request.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok());
    let mut accepted = ACCEPTED.to_owned();
    for name in asked.unwrap_or_default().split(',').map(str::trim) {
        if name.to_ascii_lowercase().starts_with("mcp-param-") {
            accepted.push_str(", ");
            accepted.push_str(name);
        }
    }
    HeaderValue::from_str(&accepted).unwrap_or(HeaderValue::from_static(ACCEPTED))
}

/// Lets a browser of `origin` read the answer.
pub(crate) fn allow(answer: &mut HeaderMap, origin: HeaderValue) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    answer.append(VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn doors() -> Doors {
        let mut settings = Settings::at("http://127.0.0.1:8080".parse().unwrap());
        settings.loopback = true;
        settings.allowed_hosts = vec!["gw.example.com:8443".to_owned()];
        settings.allowed_origins = vec!["https://app.example.com/".to_owned()];
        Doors::new(&settings)
    }

    fn asked(headers: &[(&str, &str)]) -> Result<Option<HeaderValue>, Foreign> {
        let mut request = Request::builder().uri("/t/a/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        doors().check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn our_own_names_are_let_in_with_any_port() {
        for host in ["127.0.0.1:8080", "localhost:9", "[::1]:8080", "[::1]", "GW.example.com"] {
            assert_eq!(asked(&[("host", host)]), Ok(None), "{host}");
        }
    }

    #[test]
    fn foreign_missing_and_doubled_hosts_are_not() {
        assert_eq!(asked(&[]), Err(Foreign));
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.", ""] {
            assert_eq!(asked(&[("host", host)]), Err(Foreign), "{host}");
        }
        assert_eq!(asked(&[("host", "localhost"), ("host", "localhost")]), Err(Foreign));
    }

    #[test]
    fn only_our_own_and_the_listed_origins_are_let_in() {
        for origin in ["http://127.0.0.1:8080", "http://localhost:8080", "https://app.example.com"]
        {
            let origin_back = asked(&[("host", "localhost"), ("origin", origin)]).unwrap();
            assert_eq!(origin_back.unwrap(), origin);
        }
        for origin in ["http://localhost:9090", "https://localhost:8080", "null", "", "evil"] {
            let found = asked(&[("host", "localhost"), ("origin", origin)]);
            assert_eq!(found, Err(Foreign), "{origin}");
        }
    }

    #[test]
    fn a_preflight_may_ask_for_mirrored_parameters_only() {
        let mut headers = HeaderMap::new();
        let asked = HeaderValue::from_static("Mcp-Param-Region, X-Evil");
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, asked);
        let allowed = accepted(&headers);
        assert!(allowed.to_str().unwrap().ends_with("last-event-id, Mcp-Param-Region"));
    }
}
