//! Who a client is: one that registered itself, or one whose id is the URL of its own description
//! (a client id metadata document), which is fetched through the guarded client and kept a while.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::ClientId;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use http::{Request, StatusCode};
use http_body_util::Full;
use mcp::client::{Client as Outbound, Deadlines, read_all};
use moka::Expiry;
use moka::future::Cache;
use serde_json::Value;
use url::Url;

use super::document::{Described, presentable};
use super::redirect::has_loopback_host;
use super::{Refused, redirect};
use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::throttle::Throttled;

/// Longest id.
const MAX_ID_CHARS: usize = 2_000;
/// Largest document.
const MAX_BYTES: usize = 64 << 10;
/// How long a document may take, from the first try to its last byte.
const DEADLINE: Duration = Duration::from_secs(8);
/// Documents in memory at most.
const MAX_KNOWN: u64 = 2_000;
/// How long a document is kept: by its own word, within these bounds.
const KEPT: Duration = Duration::from_mins(10);
const KEPT_AT_LEAST: Duration = Duration::from_mins(2);
const KEPT_AT_MOST: Duration = Duration::from_hours(1);
/// How long it is remembered that there was none to be had.
const MISSED: Duration = Duration::from_secs(10);
/// Documents that one address may have fetched in a quarter of an hour.
const FETCHES: u32 = 60;

/// A client that may ask people to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its id, as it gives it.
    pub(crate) id: String,
    /// Its registration; none if it describes itself at its URL.
    pub(crate) registration: Option<ClientId>,
    /// What it calls itself; never empty.
    pub(crate) name: String,
    /// The host that publishes its description.
    pub(crate) host: Option<String>,
    /// Where it may be sent back to.
    pub(crate) redirect_uris: Vec<String>,
}

impl Client {
    /// The client of an id. Who asks for it, from which address, pays for what must be fetched.
    pub(crate) async fn find(app: &App, address: IpAddr, id: &str) -> Result<Self, Failure> {
        if let Ok(registration) = id.parse::<ClientId>() {
            let known = app.store().find_oauth_client(registration).await?;
            let known = known.ok_or_else(|| stopped(FORGOTTEN))?;
            return Ok(Self {
                id: id.to_owned(),
                registration: Some(registration),
                name: named(presentable(&known.name), "Unnamed client"),
                host: None,
                redirect_uris: known.redirect_uris,
            });
        }
        let url = document_url(app, id).ok_or_else(|| stopped(UNKNOWN))?;
        app.documents().find(app, address, id, &url).await
    }

    /// Whether it may be sent back to `uri`.
    pub(crate) fn may_return_to(&self, uri: &str) -> bool {
        redirect::judge(uri) == redirect::Judged::Fine
            && self.redirect_uris.iter().any(|known| redirect::matches(known, uri))
    }

    /// Whether all its addresses are on the person's own machine: then any program there can
    /// pretend to be it.
    pub(crate) fn is_local_only(&self) -> bool {
        self.redirect_uris.iter().all(|uri| redirect::is_loopback(uri))
    }
}

const UNKNOWN: &str = "It names itself by an id that was not given out here and is no https address \
                       of its description. Remove the server in the client and add it again.";
const FORGOTTEN: &str = "Its registration is not known here (any more): registrations that are not \
                         used are removed. Remove the server in the client and add it again.";

/// A client that is not let anywhere near a redirect: told to the person, in words.
pub(super) fn stopped(text: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(Kind::BadClient, text)
}

/// A document's URL: https with a path, as it is written; plain http only on loopback, where
/// upstream servers may be there too.
fn document_url(app: &App, id: &str) -> Option<Url> {
    let url = Url::parse(id).ok().filter(|_| id.len() <= MAX_ID_CHARS)?;
    let is_plain = url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str() == id;
    let reachable = match url.scheme() {
        "https" => true,
        "http" => {
            let port = url.port_or_known_default().unwrap_or_default();
            let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
            has_loopback_host(&url) && app.upstream().rules().check(here).is_ok()
        }
        _ => false,
    };
    (is_plain && reachable && url.path() != "/").then_some(url)
}

fn named(name: String, otherwise: &str) -> String {
    if name.is_empty() { otherwise.to_owned() } else { name }
}

// === Documents ===

/// The documents that were fetched, each for a while.
pub(crate) struct Documents(Cache<String, Arc<Known>>);

struct Known {
    client: Result<Client, String>,
    lasts: Duration,
}

struct Lasts;

impl Expiry<String, Arc<Known>> for Lasts {
    fn expire_after_create(
        &self,
        _id: &String,
        known: &Arc<Known>,
        _at: Instant,
    ) -> Option<Duration> {
        Some(known.lasts)
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_KNOWN).expire_after(Lasts).build())
    }
}

impl Documents {
    async fn find(
        &self,
        app: &App,
        address: IpAddr,
        id: &str,
        url: &Url,
    ) -> Result<Client, Failure> {
        let known = if let Some(known) = self.0.get(id).await {
            known
        } else {
            let taken = app.throttle().take("client documents", address, FETCHES, app.now());
            taken.map_err(|Throttled { retry_after_secs }| Failure::too_many(retry_after_secs))?;
            // Many at once cause one request.
            let fetched = async { Arc::new(fetch(app.upstream(), url).await) };
            self.0.get_with(id.to_owned(), fetched).await
        };
        known.client.clone().map_err(stopped)
    }
}

async fn fetch(outbound: &Outbound, url: &Url) -> Known {
    let fetched = tokio::time::timeout(DEADLINE, document(outbound, url)).await;
    let fetched = fetched.unwrap_or_else(|_elapsed| Err("it takes too long to answer".to_owned()));
    match fetched.and_then(|(lasts, body)| Ok((lasts, described(url, &body)?))) {
        Ok((lasts, client)) => Known { client: Ok(client), lasts },
        Err(why) => {
            let host = url.host_str().unwrap_or_default();
            let text = format!("Its description at {host} cannot be used: {why}.");
            Known { client: Err(text), lasts: MISSED }
        }
    }
}

async fn document(outbound: &Outbound, url: &Url) -> Result<(Duration, Bytes), String> {
    let request = Request::get(url.as_str()).header(ACCEPT, "application/json");
    let request = request.body(Full::default()).map_err(|_odd| "its address is odd".to_owned())?;
    let answer = outbound.send(request, Deadlines { first_byte: DEADLINE }).await;
    let answer = answer.map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("it answers {}", answer.status().as_u16()));
    }
    let (parts, body) = answer.into_parts();
    if !is_json(&parts.headers) {
        return Err("it is not served as JSON".to_owned());
    }
    let body = read_all(body, MAX_BYTES).await;
    Ok((lasts(&parts.headers), body.map_err(|_cause| "it is too large, or broke off".to_owned())?))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// How long the document may be kept, by its own word and within our bounds.
fn lasts(headers: &HeaderMap) -> Duration {
    let control = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let directives = control.unwrap_or_default().split(',').map(str::trim);
    let ages = directives.filter_map(|directive| match directive.split_once('=') {
        Some((name, secs)) if name.eq_ignore_ascii_case("max-age") => secs.parse().ok(),
        None if ["no-store", "no-cache"].iter().any(|n| directive.eq_ignore_ascii_case(n)) => {
            Some(0)
        }
        _ => None,
    });
    ages.min().map_or(KEPT, Duration::from_secs).clamp(KEPT_AT_LEAST, KEPT_AT_MOST)
}

/// The client that a document describes; it must be about the very URL it was fetched from.
fn described(url: &Url, body: &[u8]) -> Result<Client, String> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_error| "it is no JSON".to_owned())?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if text("client_id") != Some(url.as_str()) {
        return Err("its client_id is not its own address".to_owned());
    }
    if document.get("client_secret").is_some() {
        return Err("it holds a secret, which everybody can read".to_owned());
    }
    if text("token_endpoint_auth_method").is_some_and(|method| method != "none") {
        return Err("it wants to authenticate in a way that is not supported here".to_owned());
    }
    let described = Described::read(&document).map_err(|refused| match refused {
        Refused::Said(_, text) => text.into_owned(),
        Refused::Failed(failure) => failure.text().to_owned(),
    })?;
    let host = url.host_str().unwrap_or_default().to_owned();
    Ok(Client {
        id: url.as_str().to_owned(),
        registration: None,
        name: named(described.name, &host),
        host: Some(host),
        redirect_uris: described.redirect_uris,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn read(document: &Value) -> Result<Client, String> {
        let url = "https://app.example/oauth/client.json".parse().unwrap();
        described(&url, document.to_string().as_bytes())
    }

    #[test]
    fn a_document_is_about_its_own_address_and_holds_no_secret() {
        let id = "https://app.example/oauth/client.json";
        let good = json!({
            "client_id": id, "client_name": "App", "token_endpoint_auth_method": "none",
            "redirect_uris": ["http://localhost/callback"], "logo_uri": "https://x.example/l.png",
        });
        let client = read(&good).unwrap();
        assert_eq!((client.name.as_str(), client.host.as_deref()), ("App", Some("app.example")));
        assert!(client.is_local_only() && client.may_return_to("http://localhost:9/callback"));
        for (name, value) in [
            ("client_id", json!("https://app.example/oauth/other.json")),
            ("client_id", json!(null)),
            ("client_secret", json!("x")),
            ("token_endpoint_auth_method", json!("client_secret_post")),
            ("redirect_uris", json!([])),
            ("redirect_uris", json!(["javascript:alert(1)"])),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn documents_are_kept_by_their_word_within_bounds() {
        let of = |control: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(control).unwrap());
            lasts(&headers)
        };
        assert_eq!(lasts(&HeaderMap::new()), KEPT);
        assert_eq!(of("public, max-age=900"), Duration::from_mins(15));
        assert_eq!(of("max-age=31536000"), KEPT_AT_MOST);
        assert_eq!(of("no-store"), KEPT_AT_LEAST);
    }
}
