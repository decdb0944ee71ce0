//! The admin REST API, as a client.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, IF_MATCH, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use mcp::client::{AddressRules, AllowRange, Client, Deadlines, read_all};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use url::{Host, Url};

/// How long an answer may take. Registering a server includes its discovery.
const DEADLINE: Duration = Duration::from_secs(30);
/// The largest answer: the tools of a large server.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How often, and how long at most, a product that asks for patience gets it.
const WAITS: usize = 5;
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// One product, as one key.
pub(super) struct Api {
    client: Client,
    base: String,
    authorization: HeaderValue,
}

/// The path of a list with all that fits on a page.
#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// What the API says when it refuses.
#[derive(Deserialize)]
struct Refused {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    pointer: String,
    detail: String,
}

impl Api {
    /// The product at `url`. A key is not sent in the clear to another machine unasked.
    pub(super) fn new(url: &Url, key: &SecretString, plain_http: bool) -> Result<Self> {
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            bail!("{url} is no address of a product: it begins with https://");
        }
        if url.scheme() == "http" && !is_loopback(url) && !plain_http {
            bail!("{url} would carry the API key in the clear: use https, or --plain-http");
        }
        #[expect(clippy::disallowed_methods, reason = "the key is what the product asks for")]
        let bearer = format!("Bearer {}", key.expose_secret().trim());
        let mut authorization = HeaderValue::from_str(&bearer)
            .map_err(|_unprintable| anyhow!("the API key has characters that no key has"))?;
        authorization.set_sensitive(true);
        // The caller's own product, wherever it is.
        let everywhere = ["0.0.0.0/0", "::/0"].map(str::parse::<AllowRange>);
        let allow = everywhere.into_iter().filter_map(Result::ok).collect();
        let rules = AddressRules { allow, loopback: true, ..AddressRules::default() };
        let base = format!("{}/api/v1", url.as_str().trim_end_matches('/'));
        Ok(Self { client: Client::new(rules)?, base, authorization })
    }

    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.ask(Method::GET, path, None, None).await
    }

    /// Reads a whole list.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: Page<T> = self.get(&format!("{path}?limit=200{cursor}")).await?;
            all.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Sends something; what comes back.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.ask(method, path, Some(body.to_string()), None).await
    }

    /// Sends JSON whose numbers keep their digits, over the version that was seen.
    pub(super) async fn put_over(&self, path: &str, body: String, version: i32) -> Result<Value> {
        let seen = HeaderValue::from_str(&format!("\"{version}\""))?;
        self.ask(Method::PUT, path, Some(body), Some((IF_MATCH, seen))).await
    }

    /// Sends JSON as it is written.
    pub(super) async fn send_text(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Value> {
        self.ask(method, path, Some(body), None).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<T> {
        let shown = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.authorization.clone());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let (status, bytes) = self.answered(request).await.with_context(|| shown.clone())?;
        if !status.is_success() {
            bail!("{}", refusal(&shown, status.as_u16(), &bytes));
        }
        let text = if bytes.is_empty() { b"null".as_slice() } else { &bytes };
        serde_json::from_slice(text)
            .with_context(|| format!("{shown}: this is no Drawbridge, or one of another version"))
    }
}

impl Api {
    /// Sends a request, again where the product was too busy to look at it.
    async fn answered(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let mut waits = 0;
        loop {
            let answer = self.client.send(request.clone(), Deadlines { first_byte: DEADLINE });
            let answer = answer.await.with_context(|| format!("{} does not answer", self.base))?;
            let (status, wait) = (answer.status(), wait(answer.headers()));
            let bytes = read_all(answer.into_body(), MAX_BYTES).await?;
            if status != StatusCode::TOO_MANY_REQUESTS || waits >= WAITS {
                return Ok((status, bytes));
            }
            waits += 1;
            tokio::time::sleep(wait).await;
        }
    }
}

fn wait(headers: &HeaderMap) -> Duration {
    let secs = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(secs.unwrap_or(1)).min(LONGEST_WAIT)
}

/// Everything that the API says of a refusal, in lines.
fn refusal(shown: &str, status: u16, body: &[u8]) -> String {
    let Ok(said) = serde_json::from_slice::<Refused>(body) else {
        return format!("{shown}: the answer was {status}");
    };
    let mut out = format!("{shown}: {}", said.title);
    if said.errors.is_empty() && !said.detail.is_empty() {
        let _ = write!(out, ". {}", said.detail);
    }
    for wrong in said.errors {
        let _ = write!(out, "\n    {}: {}", wrong.pointer, wrong.detail);
    }
    out
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// An answer that is looked at later.
pub(super) type Raw = Box<RawValue>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_travel_in_the_clear_unasked() {
        let api = |url: &str, plain| Api::new(&url.parse().unwrap(), &"dbk_x".into(), plain);
        assert!(api("https://drawbridge.example.com/", false).is_ok());
        for near in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"] {
            assert!(api(near, false).is_ok(), "{near}");
        }
        assert!(api("http://10.0.0.5:8080", false).is_err());
        assert!(api("http://10.0.0.5:8080", true).is_ok());
        assert!(api("ftp://x", true).is_err());
        let odd = Api::new(&"https://x".parse().unwrap(), &"dbk\n_secret".into(), false);
        assert!(!format!("{:#}", odd.err().unwrap()).contains("secret"));
    }

    #[test]
    fn a_refusal_is_told_whole() {
        let body = br#"{"title":"Some of the input is not right","detail":"2 things",
            "errors":[{"pointer":"/url","detail":"this is required"}]}"#;
        let said = refusal("POST /servers", 422, body);
        assert_eq!(
            said,
            "POST /servers: Some of the input is not right\n    /url: this is required"
        );
        assert_eq!(refusal("GET /me", 502, b"<html>"), "GET /me: the answer was 502");
    }
}
