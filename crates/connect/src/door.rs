//! Who may come in. The port is open to everything on this machine, web pages in its browsers
//! included, so a caller presents a secret, and no browser may call at all.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use subtle::ConstantTimeEq;

/// What callers present as a bearer token. Shown once, by whoever made it.
pub struct Secret(String);

impl Secret {
    /// A random one.
    pub fn fresh() -> Self {
        Self(format!("dbs_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())))
    }

    /// The text, to be told to the person who registers the server.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn is_presented_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let token = value.as_bytes().split_at_checked(b"Bearer ".len());
        token.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Lets a request in, or says why not. A `Host` that is not this machine's is a web page's that
/// had its own name point here (DNS rebinding).
pub(crate) fn check(
    secret: Option<&Secret>,
    port: u16,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), StatusCode> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => uri.authority().map(http::uri::Authority::as_str),
        (Some(_), Some(_)) => None,
    };
    let is_ours = host.is_some_and(|host| {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        names.iter().any(|name| host.eq_ignore_ascii_case(&format!("{name}:{port}")))
    });
    if !is_ours || headers.contains_key(ORIGIN) {
        return Err(StatusCode::FORBIDDEN);
    }
    match secret {
        Some(secret) if !secret.is_presented_by(headers) => Err(StatusCode::UNAUTHORIZED),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(secret: Option<&Secret>, pairs: &[(http::HeaderName, &str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        check(secret, 80, &Uri::from_static("/mcp"), &headers).err().map(|status| status.as_u16())
    }

    #[test]
    fn only_the_secret_opens_and_no_web_page_comes_in() {
        let secret = Secret::fresh();
        let bearer = format!("Bearer {}", secret.reveal());
        let (host, auth) = ((HOST, "127.0.0.1:80"), (AUTHORIZATION, bearer.as_str()));
        assert_eq!(asked(Some(&secret), &[host.clone(), auth.clone()]), None);
        assert_eq!(asked(Some(&secret), &[(HOST, "LOCALHOST:80"), auth.clone()]), None);
        assert_eq!(asked(None, std::slice::from_ref(&host)), None);
        let wrong = format!("Bearer {}", Secret::fresh().reveal());
        for pairs in [
            vec![host.clone()],
            vec![host.clone(), (AUTHORIZATION, "Bearer ")],
            vec![host.clone(), (AUTHORIZATION, "B")],
            vec![host.clone(), (AUTHORIZATION, wrong.as_str())],
            vec![host.clone(), auth.clone(), auth.clone()],
        ] {
            assert_eq!(asked(Some(&secret), &pairs), Some(401), "{pairs:?}");
        }
        for pairs in [
            vec![auth.clone()],
            vec![(HOST, "evil.example:80"), auth.clone()],
            vec![(HOST, "127.0.0.1:81"), auth.clone()],
            vec![(HOST, "127.0.0.1"), auth.clone()],
            vec![host.clone(), host.clone(), auth.clone()],
            vec![host.clone(), (ORIGIN, "http://127.0.0.1:80"), auth.clone()],
            vec![host, (ORIGIN, "null")],
        ] {
            assert_eq!(asked(Some(&secret), &pairs), Some(403), "{pairs:?}");
        }
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }
}
