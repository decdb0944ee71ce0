//! The session cookie of browsers. The database keeps its digest; it ends there, after 30 idle
//! days or at sign-out, so the cookie itself may live long.

use axum_extra::extract::cookie::CookieJar;
use domain::secret::{KeyDigest, KeyKind, PlainKey};
use http::{HeaderMap, HeaderValue};

use crate::app::Settings;

/// Days without a request after which a session ends.
pub(crate) const IDLE_DAYS: i64 = 30;

/// With TLS the `__Host-` prefix ties the cookie to this very host; browsers refuse it without.
const fn name(https: bool) -> &'static str {
    if https { "__Host-drawbridge" } else { "drawbridge" }
}

/// The `Set-Cookie` value that starts a session.
pub(crate) fn start(settings: &Settings, token: &PlainKey) -> HeaderValue {
    let https = settings.is_https();
    set_cookie(https, &format!("{}={}; Max-Age=31536000", name(https), token.reveal()))
}

/// The `Set-Cookie` value that ends it.
pub(crate) fn end(settings: &Settings) -> HeaderValue {
    let https = settings.is_https();
    set_cookie(https, &format!("{}=; Max-Age=0", name(https)))
}

fn set_cookie(https: bool, value: &str) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    // Our own tokens are base64url: always a valid header.
    let mut header =
        HeaderValue::from_str(&text).unwrap_or_else(|_invalid| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

/// The digest of the session that a browser presents, if it has the form of one.
pub(crate) fn presented(settings: &Settings, headers: &HeaderMap) -> Option<KeyDigest> {
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(name(settings.is_https()))?;
    KeyDigest::of_presented(KeyKind::Session, cookie.value())
}
