//! Redirects: followed only where a server moves a request within itself.

use http::header::LOCATION;
use http::{Response, StatusCode, Uri};
use url::Url;

use super::address::{AddressRules, Refused};

/// Checks a target's form before anything is sent to it.
pub(super) fn check(rules: &AddressRules, uri: &Uri) -> Result<(), Refused> {
    match Url::parse(&uri.to_string()) {
        Ok(url) => rules.check_url(&url),
        Err(_) => Err(Refused::NoHost),
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
