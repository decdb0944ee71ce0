//! How often one credential may call the API, and how often one address may try to sign in. Every
//! answer of the API says what is left (`RateLimit`, `RateLimit-Policy`); over it, 429.
//!
//! Counts are kept in windows of a minute: shared by all replicas where the binary passes a
//! [`SharedRates`], in this process otherwise and while that one does not answer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest, Sha256};

use crate::address;
use crate::app::{App, Settings};
use crate::failure::Failure;
use crate::guard::Bearer;
use crate::hex::hex;
use crate::surface::Surface;

/// Seconds of a window.
const WINDOW_SECS: i64 = 60;
/// Most names counted in this process at a time; past it, ended windows go, and then new names
/// are not counted: the limit is a courtesy to everybody else, not a wall.
const CAPACITY: usize = 100_000;

/// Counters that all replicas share.
pub trait SharedRates: Send + Sync + 'static {
    /// Adds one to the count of `name`, which may be forgotten after so many seconds, and gives
    /// the new count; none while it is out of reach.
    fn raise(&self, name: String, forget_after_secs: u64) -> BoxFuture<'_, Option<u64>>;
}

/// How often, in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// One credential, on the API.
    pub api_per_minute: u32,
    /// One address, where people sign in or up.
    pub sign_in_per_minute: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { api_per_minute: 1_200, sign_in_per_minute: 60 }
    }
}

/// The counters.
#[derive(Default)]
pub(crate) struct Rates {
    shared: Option<Arc<dyn SharedRates>>,
    own: Mutex<HashMap<String, Window>>,
}

struct Window {
    number: i64,
    count: u64,
}

/// One limit, as headers name it.
#[derive(Debug, Clone, Copy)]
struct Quota {
    name: &'static str,
    most: u32,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy)]
struct Left {
    quota: Quota,
    remaining: u64,
    /// Until the window ends.
    secs: i64,
    is_over: bool,
}

impl Rates {
    pub(crate) fn new(shared: Option<Arc<dyn SharedRates>>) -> Self {
        Self { shared, own: Mutex::default() }
    }

    async fn take(&self, quota: Quota, who: &str, now_secs: i64) -> Left {
        let number = now_secs.div_euclid(WINDOW_SECS);
        // Digests: neither addresses nor credentials are kept.
        let name = hex(&Sha256::digest(format!("{} {who}", quota.name)));
        let shared = match &self.shared {
            Some(shared) => {
                shared.raise(format!("{name}:{number}"), WINDOW_SECS.unsigned_abs()).await
            }
            None => None,
        };
        let count = shared.unwrap_or_else(|| self.raise(name, number));
        Left {
            quota,
            remaining: u64::from(quota.most).saturating_sub(count),
            secs: WINDOW_SECS - now_secs.rem_euclid(WINDOW_SECS),
            is_over: count > u64::from(quota.most),
        }
    }

    fn raise(&self, name: String, number: i64) -> u64 {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= CAPACITY {
            own.retain(|_, window| window.number == number);
        }
        if own.len() >= CAPACITY && !own.contains_key(&name) {
            return 1;
        }
        let window = own.entry(name).or_insert(Window { number, count: 0 });
        if window.number != number {
            *window = Window { number, count: 0 };
        }
        window.count += 1;
        window.count
    }
}

impl Left {
    /// The headers of draft-ietf-httpapi-ratelimit-headers.
    fn note(self, headers: &mut HeaderMap) {
        let Self { quota: Quota { name, most }, remaining, secs, .. } = self;
        let mut limit = String::new();
        let _infallible = write!(limit, "\"{name}\";r={remaining};t={secs}");
        let policy = format!("\"{name}\";q={most};w={WINDOW_SECS}");
        for (header, text) in [("ratelimit", limit), ("ratelimit-policy", policy)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
    }

    fn refuse(self) -> Failure {
        Failure::too_many(self.secs.unsigned_abs())
    }
}

/// The layer that counts.
pub(crate) async fn limited(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Some((quota, who)) = counted(&parts, &app) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let address = format!("address {}", address::household(address::of(&parts, app.settings())));
    let (rates, now) = (app.rates(), app.now().timestamp());
    let mut left = rates.take(quota, &who, now).await;
    if left.is_over {
        let mut response = left.refuse().into_response();
        left.note(response.headers_mut());
        return response;
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // Each key that was made up is a name of its own; their maker is known by the address.
    if response.status() == StatusCode::UNAUTHORIZED && who != address {
        left = rates.take(sign_in(app.settings()), &address, now).await;
        if left.is_over {
            response = left.refuse().into_response();
        }
    }
    left.note(response.headers_mut());
    response
}

/// The limit that a request counts for, and the name it counts under.
fn counted(parts: &Parts, app: &App) -> Option<(Quota, String)> {
    let (path, settings) = (parts.uri.path(), app.settings());
    let address = || format!("address {}", address::household(address::of(parts, settings)));
    match Surface::of(path) {
        Surface::Api if path.starts_with("/api/v1/auth/") && parts.method == Method::POST => {
            Some((sign_in(settings), address()))
        }
        Surface::Api => {
            let who = match Bearer::of(parts, app) {
                Ok(bearer) => bearer.name(),
                Err(_refused_later) => address(),
            };
            Some((Quota { name: "api", most: settings.rates.api_per_minute }, who))
        }
        // Sign-in and all else that is sent before anybody is known.
        Surface::Page if parts.method == Method::POST && !path.starts_with("/o/") => {
            Some((sign_in(settings), address()))
        }
        Surface::OAuth if parts.method == Method::POST => Some((sign_in(settings), address())),
        Surface::Page | Surface::OAuth => None,
    }
}

fn sign_in(settings: &Settings) -> Quota {
    Quota { name: "sign-in", most: settings.rates.sign_in_per_minute }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { name: "api", most: 2 };

    #[tokio::test]
    async fn a_minute_has_so_many_requests_and_the_next_one_as_many_again() {
        let rates = Rates::default();
        assert_eq!(rates.take(QUOTA, "ada", 120).await.remaining, 1);
        assert_eq!(rates.take(QUOTA, "ada", 121).await.remaining, 0);
        let over = rates.take(QUOTA, "ada", 150).await;
        assert!(over.is_over);
        assert_eq!(over.secs, 30);
        assert!(!rates.take(QUOTA, "bob", 150).await.is_over);
        assert!(!rates.take(QUOTA, "ada", 180).await.is_over);
    }

    struct Shared(Option<u64>);

    impl SharedRates for Shared {
        fn raise(&self, _name: String, _forget_after_secs: u64) -> BoxFuture<'_, Option<u64>> {
            Box::pin(std::future::ready(self.0))
        }
    }

    #[tokio::test]
    async fn shared_counts_count_and_while_they_are_away_this_process_does() {
        let shared = Rates::new(Some(Arc::new(Shared(Some(3)))));
        assert!(shared.take(QUOTA, "ada", 0).await.is_over);
        let away = Rates::new(Some(Arc::new(Shared(None))));
        assert_eq!(away.take(QUOTA, "ada", 0).await.remaining, 1);
        assert_eq!(away.take(QUOTA, "ada", 0).await.remaining, 0);
    }

    #[test]
    fn what_is_left_is_said_in_the_fields_of_the_draft() {
        let mut headers = HeaderMap::new();
        Left { quota: QUOTA, remaining: 1, secs: 9, is_over: false }.note(&mut headers);
        assert_eq!(headers["ratelimit"], "\"api\";r=1;t=9");
        assert_eq!(headers["ratelimit-policy"], "\"api\";q=2;w=60");
    }
}
