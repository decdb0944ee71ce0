//! The gateway's addresses as resources (RFC 8707): which organisation, which server.

use domain::Slug;
use url::Url;

use crate::urls;

/// An address of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) organisation: Slug,
    /// None: the address of all servers.
    pub(crate) server: Option<Slug>,
}

impl Resource {
    /// The resource of a URI, if it is an address of this gateway. Nothing is looked up.
    pub(crate) fn read(gateway: &Url, uri: &str) -> Option<Self> {
        let url = Url::parse(uri).ok()?;
        let is_plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_plain || url.origin() != gateway.origin() {
            return None;
        }
        let path = url.path().strip_suffix('/').unwrap_or(url.path());
        let mut names = path.strip_prefix("/t/")?.strip_suffix("/mcp")?.split('/');
        let (organisation, server, rest) = (names.next()?, names.next(), names.next());
        if rest.is_some() {
            return None;
        }
        let server = server.map(str::parse).transpose().ok()?;
        Some(Self { organisation: organisation.parse().ok()?, server })
    }

    /// The URI by which it is named.
    pub(crate) fn uri(&self, gateway: &Url) -> String {
        match &self.server {
            Some(server) => urls::gateway_server(gateway, &self.organisation, server),
            None => urls::gateway(gateway, &self.organisation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_one_way_however_it_is_written() {
        let gateway: Url = "https://gw.example".parse().unwrap();
        let read = |uri: &str| Resource::read(&gateway, uri).map(|found| found.uri(&gateway));
        for (uri, named) in [
            ("https://gw.example/t/acme/mcp", "https://gw.example/t/acme/mcp"),
            ("HTTPS://GW.example:443/t/acme/shop/mcp/", "https://gw.example/t/acme/shop/mcp"),
        ] {
            assert_eq!(read(uri).as_deref(), Some(named));
        }
        for foreign in [
            "https://gw.example",
            "https://gw.example/t/mcp",
            "https://gw.example/t/a/b/c/mcp",
            "http://gw.example/t/acme/mcp",
            "https://gw.example:8443/t/acme/mcp",
            "https://evil.example/t/acme/mcp",
            "https://gw.example/t/acme/mcp?x",
            "https://gw.example/t/acme/mcp#x",
            "https://u@gw.example/t/acme/mcp",
            "/t/acme/mcp",
            "https://gw.example/t/A_B/mcp",
            "https://gw.example/t/acme//mcp",
            "",
        ] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
    }
}
