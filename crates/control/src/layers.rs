//! The whole middleware order, outermost first, in one expression.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, StatusCode};
use rand::RngCore;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::Instrument;

use crate::app::{App, Settings};
use crate::failure::{self, Failure, Kind};
use crate::surface::Surface;
use crate::{once, rates};

/// Most bytes of a body. A policy document has at most 256 KiB; as JSON inside JSON, twice that.
pub(crate) const BODY_LIMIT: usize = 1 << 20;
/// Longest wait for an answer to begin; discovery takes up to 10 s of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest silence while a body is being sent to us.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Puts every layer around the routes.
pub(crate) fn around(routes: Router<App>, app: &App) -> Router<App> {
    let compressible = DefaultPredicate::new().and(NotForContentType::const_new("font/"));
    routes.fallback(nothing_here).method_not_allowed_fallback(wrong_method).layer(
        ServiceBuilder::new()
            // Names the request, in the log and in the answer.
            .layer(from_fn(name))
            // No answer leaves without them, failures and static files included.
            .layer(from_fn_with_state(app.clone(), harden))
            // MCP clients that run in a browser log in from their own pages; refusals reach them too.
            .layer(from_fn(open_to_pages))
            // Text only; event streams and fonts pass as they are.
            .layer(CompressionLayer::new().compress_when(compressible))
            // Renders what everything below refuses.
            .layer(from_fn_with_state(app.clone(), failure::edge))
            // A bug costs one request, not the process.
            .layer(CatchPanicLayer::custom(panicked))
            // Nobody waits for ever.
            .layer(from_fn(in_time))
            // A foreign name that resolves to us (DNS rebinding) gets no answer.
            .layer(from_fn_with_state(app.clone(), known_host))
            // A browser's write must come from our own pages; elsewhere no cookie is taken.
            .layer(same_site(app.settings()))
            // Nobody asks so often that others wait.
            .layer(from_fn_with_state(app.clone(), rates::limited))
            // What is sent twice under one key is done once.
            .layer(from_fn_with_state(app.clone(), once::once))
            // Nobody sends for ever, in size or in time; extractors refuse at the limit.
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT)),
    )
}

/// The name of one request: shown in the answer, in failures and in the log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    fn fresh() -> Self {
        Self(
            format!(
                "req_{:024x}",
                u128::from(rand::rng().next_u64()) << 32 | u128::from(rand::rng().next_u32())
            )
            .into(),
        )
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::fresh))
    }
}

async fn name(mut request: Request, next: Next) -> Response {
    let id = RequestId::fresh();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    let span = tracing::info_span!("http", request.id = %id, method = %request.method(), route);
    request.extensions_mut().insert(id.clone());
    let begun = tokio::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let ms = begun.elapsed().as_millis();
        tracing::debug!(status = response.status().as_u16(), ms, "answered");
    });
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

/// Headers that every answer has, unless its handler chose its own.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'self'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (CACHE_CONTROL, "no-store"),
];

/// What [`HEADERS`] says of content, for a page whose form is answered with a redirect to `source`.
pub(crate) fn policy_with_answer_at(source: &str) -> String {
    let [(_, policy), ..] = HEADERS;
    format!("{policy} {source}")
}

async fn harden(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if app.settings().is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the form that the layer asks for")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Failure::internal(format!("a handler panicked: {said}")).into_response()
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Failure::new(
            Kind::TimedOut,
            "There was no answer within 30 s. Look whether it was done before you repeat it.",
        )
        .into_response(),
    }
}

async fn known_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let named = request
        .uri()
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| request.headers().get(HOST).and_then(|value| value.to_str().ok()));
    // Load balancers probe by address.
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    if probe || named.is_some_and(|host| app.settings().answers_to(host)) {
        next.run(request).await
    } else {
        let public = &app.settings().public_url;
        let text = format!(
            "This is served as {public}. To serve it under another name too, add that name to \
             DRAWBRIDGE_ALLOWED_HOSTS."
        );
        Failure::new(Kind::Misdirected, text).into_response()
    }
}

impl Settings {
    /// Whether browsers reach us over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Whether `authority` (a host, perhaps with a port) is one of our names.
    fn answers_to(&self, authority: &str) -> bool {
        let host = without_port(authority);
        let is_public = self.public_url.host_str().is_some_and(|h| h.eq_ignore_ascii_case(host));
        let both_loopback =
            is_loopback(host) && self.public_url.host_str().is_some_and(is_loopback);
        let allowed = self.allowed_hosts.iter().any(|h| h.eq_ignore_ascii_case(host));
        is_public || both_loopback || allowed
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What a page of another site may send to where clients log in.
const CLIENT_HEADERS: &str = "accept, content-type, mcp-protocol-version";

/// Lets any page call where MCP clients log in: no cookie is taken there, so that nothing is done
/// in anybody's name.
async fn open_to_pages(request: Request, next: Next) -> Response {
    if Surface::of(request.uri().path()) != Surface::OAuth {
        return next.run(request).await;
    }
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if is_preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(CLIENT_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn same_site(settings: &Settings) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let layer =
        CsrfLayer::new().with_insecure_bypass(|_, uri| Surface::of(uri.path()) != Surface::Page);
    // Behind a proxy that changes `Host`, the public origin is still ours.
    let origin = settings.public_url.origin().ascii_serialization();
    let layer = match layer.clone().add_trusted_origin(&origin) {
        Ok(trusting) => trusting,
        Err(cause) => {
            tracing::warn!(%origin, %cause, "the public URL is no origin that browsers send");
            layer
        }
    };
    layer.with_rejection_response(cross_site)
}

fn cross_site(error: ProtectionError) -> Response {
    Failure::new(
        Kind::CrossSite,
        "This form was sent from another site, so nothing was done. Open the page here and send \
         it again.",
    )
    .because(error)
    .into_response()
}

async fn nothing_here() -> Failure {
    Failure::new(Kind::NotFound, "Nothing is served at this address.")
}

async fn wrong_method() -> Failure {
    Failure::new(Kind::MethodNotAllowed, "This address does not take this method.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SignupMode;

    fn served_as(public: &str) -> Settings {
        Settings {
            public_url: public.parse().unwrap(),
            gateway_url: public.parse().unwrap(),
            signup: SignupMode::Open,
            allowed_hosts: vec!["internal.example".to_owned()],
            demo_url: None,
            trusted_proxies: Vec::new(),
            rates: rates::RateLimits::default(),
        }
    }

    #[test]
    fn a_rebound_name_is_not_ours() {
        let local = served_as("http://127.0.0.1:8080");
        for ours in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "internal.example"] {
            assert!(local.answers_to(ours), "{ours}");
        }
        for foreign in ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1", "[::2]:80"] {
            assert!(!local.answers_to(foreign), "{foreign}");
        }
        assert!(!served_as("https://bridge.example").answers_to("localhost"));
        assert!(served_as("https://bridge.example").answers_to("Bridge.Example:443"));
    }
}
