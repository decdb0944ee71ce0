//! Every path that a page or an answer spells. Handlers and templates call these; the routes
//! themselves stand in `routes.rs`.

use std::fmt::Display;

use domain::Slug;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::app::Settings;
use crate::assets;

/// A static file; `path` as under `static/`.
pub fn asset(path: &str) -> String {
    format!("/static/{}/{path}", assets::version())
}

/// The sign-in page; afterwards the person goes on to `next`.
pub fn login(next: Option<&str>) -> String {
    next.map_or_else(|| "/login".to_owned(), |next| format!("/login?next={}", escaped(next)))
}

/// Where to go after signing in: `next`, if it is a path of our own; else the organisation.
pub fn after_login(next: Option<&str>) -> String {
    next.filter(|path| is_own_path(path)).unwrap_or("/o").to_owned()
}

/// A path on this host: one slash first, no backslash (which browsers read as a slash), nothing
/// that would be dropped or end a header.
fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A page of an organisation: `/o/{organisation}` and what follows, such as `servers/new`.
pub fn organisation(organisation: &Slug, rest: &str) -> String {
    let slash = if rest.is_empty() { "" } else { "/" };
    format!("/o/{organisation}{slash}{rest}")
}

/// The first page of an organisation.
pub fn overview(organisation: &Slug) -> String {
    format!("/o/{organisation}/")
}

/// An item of a collection of an organisation: `/o/{organisation}/{collection}/{item}`.
pub fn item(organisation: &Slug, collection: &str, item: impl Display) -> String {
    format!("/o/{organisation}/{collection}/{}", escaped(&item.to_string()))
}

/// The issuer of what MCP clients log in with: the public URL as text, byte for byte the same
/// everywhere, without the slash at its end.
pub fn issuer(settings: &Settings) -> &str {
    gateway_base(&settings.public_url)
}

/// Where a person is asked whether a client may be let in; `query` is its request, as it came.
pub fn consent(organisation: &Slug, query: &str) -> String {
    format!("/o/{organisation}/authorize?{query}")
}

/// The gateway's address of all servers of a grant.
pub fn gateway(gateway: &Url, organisation: &Slug) -> String {
    format!("{}/t/{organisation}/mcp", gateway_base(gateway))
}

/// The gateway's address of one server.
pub fn gateway_server(gateway: &Url, organisation: &Slug, server: &Slug) -> String {
    format!("{}/t/{organisation}/{server}/mcp", gateway_base(gateway))
}

/// The gateway's address, to which tenants' paths are added.
pub fn gateway_base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_leads_to_our_own_pages_only() {
        assert_eq!(after_login(Some("/o/acme/servers?x=1")), "/o/acme/servers?x=1");
        for foreign in ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\t/evil"]
        {
            assert_eq!(after_login(Some(foreign)), "/o", "{foreign}");
        }
        assert_eq!(login(Some("/o/a?b=c&d")), "/login?next=%2Fo%2Fa%3Fb%3Dc%26d");
    }
}
