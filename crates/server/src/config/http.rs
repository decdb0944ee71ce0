//! Addresses: where it listens and under which names it is reached.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use ipnet::IpNet;
use url::Url;

use super::Reader;

/// See the module.
pub(crate) struct Http {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where metrics are served, if anywhere.
    pub(crate) internal_listen: Option<SocketAddr>,
    /// Connections of clients at a time.
    pub(crate) max_connections: usize,
    /// Seconds between saying that it stops and accepting no more.
    pub(crate) drain_notice_secs: u64,
    /// Which planes this process serves.
    pub(crate) role: Role,
    /// Where browsers reach it.
    pub(crate) public_url: Url,
    /// Where MCP clients reach the gateway.
    pub(crate) gateway_url: Url,
    /// Further names that `Host` may have.
    pub(crate) allowed_hosts: Vec<String>,
    /// Further origins from which browsers may call the gateway.
    pub(crate) allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How often one credential may call the API in a minute.
    pub(crate) api_per_minute: NonZeroU32,
    /// How often one address may sign in or up in a minute.
    pub(crate) sign_in_per_minute: NonZeroU32,
}

/// Which planes a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Both, on one listener.
    All,
    /// Pages and API.
    Control,
    /// MCP only.
    Gateway,
}

impl FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            "control" => Ok(Self::Control),
            "gateway" => Ok(Self::Gateway),
            _ => Err("choose all, control or gateway"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Control => "control",
            Self::Gateway => "gateway",
        })
    }
}

impl Http {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let listen = reader.value(
            "DRAWBRIDGE_LISTEN",
            "Address and port to listen on.",
            SocketAddr::from(([127, 0, 0, 1], 8080)),
        );
        let role = reader.value(
            "DRAWBRIDGE_ROLE",
            "all, control (pages and API) or gateway (MCP).",
            Role::All,
        );
        let public_url = reader.value(
            "DRAWBRIDGE_PUBLIC_URL",
            "Where browsers reach it; https makes cookies Secure.",
            local_url(listen),
        );
        let gateway_url = reader.value(
            "DRAWBRIDGE_GATEWAY_URL",
            "Where MCP clients reach the gateway; the public URL unless said otherwise.",
            public_url.clone(),
        );
        for (name, url) in
            [("DRAWBRIDGE_PUBLIC_URL", &public_url), ("DRAWBRIDGE_GATEWAY_URL", &gateway_url)]
        {
            if !matches!(url.scheme(), "http" | "https") || url.path() != "/" {
                reader
                    .problem(name, "write scheme and host only, such as https://gate.example.com");
            }
        }
        Self {
            listen,
            role,
            public_url,
            gateway_url,
            internal_listen: reader.maybe(
                "DRAWBRIDGE_INTERNAL_LISTEN",
                "Address and port for /metrics; not served unless set.",
            ),
            max_connections: reader.value(
                "DRAWBRIDGE_MAX_CONNECTIONS",
                "Connections of clients at a time; further ones are answered 503 and closed. Each \
                 takes a file descriptor, and so does its call to a server.",
                16_384,
            ),
            drain_notice_secs: reader.value(
                "DRAWBRIDGE_DRAIN_NOTICE_SECS",
                "After SIGTERM, seconds in which /readyz is 503 already and calls are still \
                 accepted, for load balancers; none on loopback.",
                if listen.ip().is_loopback() { 0 } else { 3 },
            ),
            allowed_hosts: reader.list(
                "DRAWBRIDGE_ALLOWED_HOSTS",
                "Further names that requests may ask for, besides the URLs' own.",
            ),
            allowed_origins: reader.list(
                "DRAWBRIDGE_ALLOWED_ORIGINS",
                "Further origins from which browsers may call the gateway.",
            ),
            trusted_proxies: reader.list(
                "DRAWBRIDGE_TRUSTED_PROXIES",
                "Networks of proxies whose X-Forwarded-For names the client; nobody else's is \
                 believed.",
            ),
            api_per_minute: reader.value(
                "DRAWBRIDGE_API_PER_MINUTE",
                "Requests to the admin API that one credential may send in a minute.",
                per_minute(1_200),
            ),
            sign_in_per_minute: reader.value(
                "DRAWBRIDGE_SIGN_IN_PER_MINUTE",
                "Attempts to sign in or up that one address may make in a minute.",
                per_minute(60),
            ),
        }
    }
}

fn per_minute(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// The URL of a listener for somebody on the same machine.
fn local_url(listen: SocketAddr) -> Url {
    let host =
        if listen.ip().is_unspecified() { "localhost".to_owned() } else { listen.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    #[expect(clippy::unwrap_used, reason = "an address and a port always make a URL")]
    format!("http://{host}:{}/", listen.port()).parse().unwrap()
}
