//! The one way out: an HTTP client that connects only where it may.
//!
//! The check is made at connect time on the very address that is then connected to, so a name
//! that resolves differently a moment later gains nothing.

mod address;
mod authorities;
mod connector;
mod error;
mod names;
mod redirect;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

pub use address::{AddressClass, AddressRules, AllowRange, BadRange, Refused};
pub use authorities::{Authorities, BadAuthorities};
use connector::Guarded;
pub use error::{ReadError, SendError};

/// How long a connection may take to be made, over all addresses of a host.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Node and uvicorn close idle connections after five seconds. One that is given up earlier is
/// never the one a call is lost on.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

const MAX_IDLE_PER_HOST: usize = 32;
const MAX_REDIRECTS: usize = 3;

/// How long a caller is willing to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// From the start until the head of the answer is there.
    pub first_byte: Duration,
}

/// Sends requests to servers that tenants named. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<Guarded>, Full<Bytes>>,
    guard: Guarded,
}

impl Client {
    /// A client that connects where the rules allow. Fails only if TLS cannot be set up.
    pub fn new(rules: AddressRules) -> Result<Self, rustls::Error> {
        Self::trusting(rules, Authorities::default())
    }

    /// The same, for servers whose certificates come from further authorities as well.
    pub fn trusting(rules: AddressRules, further: Authorities) -> Result<Self, rustls::Error> {
        Self::over(Guarded::new(rules), further)
    }

    fn over(guard: Guarded, further: Authorities) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(further.and_public())
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            // One exchange a connection. Over HTTP/2 all tenants of a host would share one: the
            // streams of one, left open or unread, would use up what the others need.
            .enable_http1()
            .wrap_connector(guard.clone());
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .build(connector);
        Ok(Self { http, guard })
    }

    /// The rules by which addresses are refused.
    pub fn rules(&self) -> &AddressRules {
        self.guard.rules()
    }

    /// Checks a URL's form and every address its host has, as far as known; gives those that are
    /// allowed.
    /// For telling people early: [`Client::send`] checks again when it connects.
    pub async fn resolve_and_check(&self, url: &Url) -> Result<Vec<SocketAddr>, SendError> {
        self.rules().check_url(url)?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        Ok(self.guard.addresses(host, port).await?)
    }

    /// Sends a request and waits for the head of its answer; the body streams.
    ///
    /// Redirects are followed only by 307 and 308 and only within the origin. Any other redirect
    /// is the answer.
    pub async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        deadlines: Deadlines,
    ) -> Result<Response<Incoming>, SendError> {
        let headers = request.headers_mut();
        headers.remove(HOST);
        // Bodies are read and edited, so they must come as they are.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = tokio::time::timeout(deadlines.first_byte, self.follow(request)).await;
        // Nobody can tell how far a request came that is still under way.
        answer.unwrap_or(Err(SendError::TimedOut { sent: true }))
    }

    async fn follow(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        let (mut parts, body) = request.into_parts();
        for _ in 0..MAX_REDIRECTS {
            redirect::check(self.rules(), &parts.uri)?;
            let answer = self.once(Request::from_parts(parts.clone(), body.clone())).await?;
            match redirect::within_origin(&parts.uri, &answer) {
                Some(next) => parts.uri = next,
                None => return Ok(answer),
            }
        }
        self.once(Request::from_parts(parts, body)).await
    }

    async fn once(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        self.http.request(request).await.map_err(SendError::from)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("rules", self.rules()).finish_non_exhaustive()
    }
}

/// Reads a whole body, up to a limit.
pub async fn read_all<B>(body: B, limit: usize) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge { limit }),
        Err(error) => Err(ReadError::Broken(error)),
    }
}

#[cfg(test)]
mod tests;
