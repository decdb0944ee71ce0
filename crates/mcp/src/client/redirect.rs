//! Redirects: followed only where a server moves a request within itself.

use std::net::{IpAddr, SocketAddr};

use http::header::LOCATION;
use http::{Response, StatusCode, Uri};
use url::Url;

use super::address::{AddressRules, Refused};

/// Checks a target's form before anything is sent to it. A host that is an address in an odd
/// spelling is taken for a name here; what it resolves to is checked when it is connected to.
pub(super) fn check(rules: &AddressRules, uri: &Uri) -> Result<(), Refused> {
    let port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(Refused::Scheme),
    };
    let authority = uri.authority().ok_or(Refused::NoHost)?;
    if authority.as_str().contains('@') {
        return Err(Refused::UserInfo);
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => rules.check(SocketAddr::new(ip, authority.port_u16().unwrap_or(port))),
        Err(_) if host.is_empty() => Err(Refused::NoHost),
        Err(_) => Ok(()),
    }
}

/// Where the answer sends the same request, if that is the same origin. Only 307 and 308 keep
/// method and body; a `POST` that became a `GET` would mean something else.
pub(super) fn within_origin<B>(from: &Uri, answer: &Response<B>) -> Option<Uri> {
    if !matches!(answer.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
        return None;
    }
    let from = Url::parse(&from.to_string()).ok()?;
    let mut to = from.join(answer.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    to.set_fragment(None);
    (to.origin() == from.origin()).then(|| to.as_str().parse().ok()).flatten()
}
