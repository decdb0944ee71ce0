//! Redirect URIs: which may be registered, and when one that is asked for is one of them.

use std::net::IpAddr;

use url::{Host, Url};

/// Longest that is taken.
const MAX_CHARS: usize = 2_000;
/// Schemes whose address would be run or read on the person's machine. Nobody registers them by
/// mistake.
const DANGEROUS: [&str; 9] = [
    "javascript",
    "data",
    "vbscript",
    "blob",
    "filesystem",
    "file",
    "about",
    "view-source",
    "intent",
];
/// Schemes that lead nowhere a code could be read.
const USELESS: [&str; 7] = ["ws", "wss", "ftp", "mailto", "tel", "sms", "urn"];

/// What a redirect URI is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It can be used.
    Fine,
    /// It cannot, and is left out of a set: why.
    Unusable(&'static str),
    /// Whoever registers it means harm: the whole set is refused.
    Dangerous,
}

/// Judges a redirect URI by its form.
pub(crate) fn judge(uri: &str) -> Judged {
    if uri.len() > MAX_CHARS {
        return Judged::Unusable("is too long");
    }
    let Ok(url) = Url::parse(uri) else { return Judged::Unusable("is no absolute address") };
    if DANGEROUS.contains(&url.scheme()) {
        return Judged::Dangerous;
    }
    // What is judged must be what browsers go to: nothing that they drop, trim or turn round.
    if !uri.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`'))
    {
        return Judged::Unusable("holds characters that must be escaped");
    }
    if url.fragment().is_some() {
        return Judged::Unusable("has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Judged::Unusable("has a user name");
    }
    match url.scheme() {
        "https" => Judged::Fine,
        "http" if has_loopback_host(&url) => Judged::Fine,
        "http" => Judged::Unusable("is plain http and not on this machine; use https"),
        scheme if USELESS.contains(&scheme) => {
            Judged::Unusable("has a scheme no client listens on")
        }
        _ => Judged::Fine,
    }
}

/// Whether a client that registered `known` may be sent back to `asked`: the same text; or, on
/// loopback, the same address on any port (RFC 8252, 7.3).
pub(crate) fn matches(known: &str, asked: &str) -> bool {
    if known == asked {
        return true;
    }
    let (Some(known), Some(asked)) = (loopback(known), loopback(asked)) else { return false };
    let same_rest = known.path() == asked.path() && known.query() == asked.query();
    // Documents without a port are published once for every machine; what their clients call the
    // loopback interface differs from one to the next.
    let same_host = known.host() == asked.host() || known.port().is_none();
    same_rest && same_host
}

/// Whether the code stays on the person's own machine.
pub(crate) fn is_loopback(uri: &str) -> bool {
    loopback(uri).is_some()
}

/// Where the code goes, for people: the host, or the scheme of an application.
pub(crate) fn shown(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            url.host_str().unwrap_or_default().to_owned()
        }
        Ok(url) => format!("{}:", url.scheme()),
        Err(_unparsed) => String::new(),
    }
}

/// What a page's `form-action` must name so that its answer may lead there.
pub(crate) fn source(uri: &str) -> String {
    match Url::parse(uri) {
        // The grammar of that header has no IPv6.
        Ok(url) if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_))) => {
            match url.scheme() {
                "http" | "https" => url.origin().ascii_serialization(),
                scheme => format!("{scheme}:"),
            }
        }
        Ok(url) => format!("{}:", url.scheme()),
        Err(_unparsed) => String::new(),
    }
}

fn loopback(uri: &str) -> Option<Url> {
    let url =
        Url::parse(uri).ok().filter(|url| url.scheme() == "http" && has_loopback_host(url))?;
    (judge(uri) == Judged::Fine).then_some(url)
}

/// Whether a URL's host is this machine, by name or number.
pub(crate) fn has_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_can_be_sent_back_to() {
        for fine in [
            "https://claude.ai/api/mcp/auth_callback",
            "http://localhost:3118/callback",
            "http://127.0.0.1/",
            "http://[::1]:8080/cb",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/oauth",
            "https://x.example/cb?keep=1",
        ] {
            assert_eq!(judge(fine), Judged::Fine, "{fine}");
        }
        for odd in [
            "",
            "/callback",
            "callback",
            "http://x.example/cb",
            "https://x.example/cb#f",
            "https://u:p@x.example/cb",
            "http://localhost@evil.example/",
            "https://x.example\\@y/",
            "http://localhost.evil.example/",
            "http://0.0.0.0/cb",
            "wss://x.example/",
            "https://x/ y",
            "https://x.example/\u{202e}",
            "mailto:a@b.c",
        ] {
            assert!(matches!(judge(odd), Judged::Unusable(_)), "{odd}: {:?}", judge(odd));
        }
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "java\nscript:x",
        ] {
            assert_eq!(judge(bad), Judged::Dangerous, "{bad}");
        }
    }

    #[test]
    fn loopback_matches_on_any_port_and_nothing_else_does() {
        for (known, asked) in [
            ("http://127.0.0.1/", "http://127.0.0.1:33418/"),
            ("http://127.0.0.1:33418/", "http://127.0.0.1:50001"),
            ("http://localhost:3118/callback", "http://localhost:65000/callback"),
            ("http://localhost/callback", "http://127.0.0.1:9/callback"),
            ("http://127.0.0.1/callback", "http://[::1]:9/callback"),
            ("cursor://a/b", "cursor://a/b"),
        ] {
            assert!(matches(known, asked), "{known} {asked}");
        }
        for (known, asked) in [
            ("http://localhost:1/callback", "http://localhost:1/other"),
            ("http://localhost:1/callback", "http://127.0.0.1:1/callback"),
            ("http://localhost/callback", "http://localhost/callback?x=1"),
            ("http://localhost/callback", "https://localhost/callback"),
            ("http://localhost/callback", "http://localhost.evil.example/callback"),
            ("http://localhost/callback", "http://localhost:1@evil.example/callback"),
            ("https://x.example/cb", "https://x.example:444/cb"),
            ("https://x.example/cb", "https://x.example/cb/"),
            ("https://x.example/cb", "https://x.example/cb?x"),
            ("cursor://a/b", "cursor://a/b/"),
        ] {
            assert!(!matches(known, asked), "{known} {asked}");
        }
    }

    #[test]
    fn people_see_where_the_code_goes() {
        assert_eq!(shown("https://claude.ai/api/x"), "claude.ai");
        assert_eq!(shown("http://[::1]:9/cb"), "[::1]");
        assert_eq!(shown("cursor://x/y"), "cursor:");
        assert_eq!(source("http://127.0.0.1:9/cb"), "http://127.0.0.1:9");
        assert_eq!(source("http://[::1]:9/cb"), "http:");
        assert_eq!(source("https://x.example/cb"), "https://x.example");
        assert_eq!(source("cursor://x/y"), "cursor:");
    }
}
