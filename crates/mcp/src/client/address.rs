//! Which addresses a tenant may point us at. Everything that is not plainly public is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

/// The rules of the guard. The default allows public addresses and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Ranges that the operator opened.
    pub allow: Vec<AllowRange>,
    /// Whether loopback is open, for a product that itself listens on loopback only.
    pub loopback: bool,
    /// The product's own database, counters and listeners: refused whatever else is allowed.
    /// The unspecified address stands for every address of this machine.
    pub never: Vec<SocketAddr>,
}

impl AddressRules {
    /// Whether this address may be connected to.
    pub fn check(&self, address: SocketAddr) -> Result<(), Refused> {
        let ip = address.ip().to_canonical();
        let refused = |class| Err(Refused::Address { address, class });
        let class = AddressClass::of(ip);
        if self.is_our_own(ip, class, address.port()) {
            return refused(AddressClass::Own);
        }
        match class {
            None => Ok(()),
            // Connecting to these never means what they say: they end on this very machine.
            Some(class @ (AddressClass::Unspecified | AddressClass::Multicast)) => refused(class),
            Some(_) if self.allow.iter().any(|range| range.covers(ip, address.port())) => Ok(()),
            Some(AddressClass::Loopback) if self.loopback => Ok(()),
            Some(class) => refused(class),
        }
    }

    /// Whether a URL is one that can be connected to, as far as its text tells. Hosts that are
    /// names need [`crate::client::Client::resolve_and_check`].
    pub fn check_url(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        let ip = match url.host() {
            None => return Err(Refused::NoHost),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        };
        self.check(SocketAddr::new(ip, url.port_or_known_default().unwrap_or_default()))
    }

    fn is_our_own(&self, ip: IpAddr, class: Option<AddressClass>, port: u16) -> bool {
        let is_local = class.is_some();
        self.never.iter().filter(|own| own.port() == port).any(|own| {
            let own = own.ip().to_canonical();
            let is_loopback = class == Some(AddressClass::Loopback);
            own == ip || (own.is_loopback() && is_loopback) || (own.is_unspecified() && is_local)
        })
    }
}

// === AllowRange ===

/// A range of addresses that the operator opened, for one port or for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowRange {
    /// The addresses.
    pub net: IpNet,
    /// The port; `None` is every port.
    pub port: Option<u16>,
}

impl AllowRange {
    fn covers(&self, ip: IpAddr, port: u16) -> bool {
        self.net.contains(&ip) && self.port.is_none_or(|only| only == port)
    }
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a range as 10.0.0.0/8, 10.1.2.3:8080 or [fd00::/8]:443")]
pub struct BadRange;

impl FromStr for AllowRange {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (net, port) = match bracketed {
            Some((net, "")) => (net, None),
            Some((net, port)) => (net, Some(port.strip_prefix(':').ok_or(BadRange)?)),
            // One colon is a port, more are an IPv6 address.
            None => match text.split_once(':') {
                Some((net, port)) if !port.contains(':') => (net, Some(port)),
                _ => (text, None),
            },
        };
        let parsed = net.parse::<IpNet>().ok();
        let single = || net.parse::<IpAddr>().ok().map(IpNet::from);
        Ok(Self {
            net: parsed.or_else(single).ok_or(BadRange)?,
            port: match port.map(str::parse).transpose() {
                Ok(port) => port,
                Err(_) => return Err(BadRange),
            },
        })
    }
}

impl fmt::Display for AllowRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.net, self.port) {
            (net, None) => write!(f, "{net}"),
            (net @ IpNet::V4(_), Some(port)) => write!(f, "{net}:{port}"),
            (net @ IpNet::V6(_), Some(port)) => write!(f, "[{net}]:{port}"),
        }
    }
}

// === Refused ===

/// Why an address is not connected to, in a sentence for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another scheme than http and https.
    #[error("Only http and https addresses can be used.")]
    Scheme,
    /// A user name or password in the URL.
    #[error("An address must not contain a user name or a password.")]
    UserInfo,
    /// A fragment in the URL.
    #[error("An address must not contain a fragment (#…).")]
    Fragment,
    /// No host in the URL.
    #[error("The address names no host.")]
    NoHost,
    /// An address that is not public. The text leaves out the number: what a name of somebody's
    /// network resolves to is nobody else's business.
    #[error("The address leads to {class}, to which Drawbridge does not connect.")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What kind of address it is.
        class: AddressClass,
    },
}

/// The kinds of address that are not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, IPv6 unique and site-local).
    Private,
    /// A single link.
    LinkLocal,
    /// A carrier's shared network (RFC 6598).
    Shared,
    /// The metadata service of a cloud.
    Metadata,
    /// Many machines.
    Multicast,
    /// No machine in particular.
    Unspecified,
    /// Set aside for documentation.
    Documentation,
    /// Set aside for anything else.
    Reserved,
    /// One of our own listeners or stores.
    Own,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine itself (a loopback address)",
            Self::Private => "a private network",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "a carrier's shared network",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "no machine in particular",
            Self::Documentation => "an address set aside for documentation",
            Self::Reserved => "a reserved address",
            Self::Own => "a part of Drawbridge itself",
        })
    }
}

impl AddressClass {
    /// The class of an address; `None` is public.
    pub fn of(ip: IpAddr) -> Option<Self> {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Option<Self> {
        match ip.octets() {
            // Instance metadata: AWS, Azure, Google and others; Alibaba; Azure's wire server; Oracle.
            [169, 254, 169, 254] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => {
                Some(Self::Metadata)
            }
            [0, ..] => Some(Self::Unspecified),
            [127, ..] => Some(Self::Loopback),
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Self::Private),
            [169, 254, ..] => Some(Self::LinkLocal),
            [100, 64..=127, ..] => Some(Self::Shared),
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Self::Documentation),
            // Protocol assignments, 6to4 relays, benchmarks, AS112.
            [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [192, 31, 196, _] => {
                Some(Self::Reserved)
            }
            [192, 52, 193, _] | [192, 175, 48, _] | [240..=255, ..] => Some(Self::Reserved),
            [224..=239, ..] => Some(Self::Multicast),
            _ => None,
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Option<Self> {
        let segments = ip.segments();
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 0] => Some(Self::Unspecified),
            [0, 0, 0, 0, 0, 0, 0, 1] => Some(Self::Loopback),
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
                Some(Self::Metadata)
            }
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Self::Private),
            [0xfe80..=0xfebf, ..] => Some(Self::LinkLocal),
            [0xff00..=0xffff, ..] => Some(Self::Multicast),
            [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Self::Documentation),
            _ => embedded_v4(segments).into_iter().find_map(Self::of_v4).or(match segments {
                // NAT64 and Teredo go where the address inside goes.
                [0x0064, 0xff9b, 0, 0, 0, 0, ..] | [0x2001, 0, ..] => None,
                // Of the rest only global unicast is public; 2001::/23 is for protocols.
                [0x2001, ..=0x01ff, ..] => Some(Self::Reserved),
                [0x2000..=0x3fff, ..] => None,
                _ => Some(Self::Reserved),
            }),
        }
    }
}

/// IPv4 addresses inside an IPv6 one: where the packets really go.
fn embedded_v4(segments: [u16; 8]) -> Vec<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        // Teredo: the server, and the client with its bits turned over.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            vec![v4(high, low), v4(!client_high, !client_low)]
        }
        // NAT64, 6to4, and ISATAP in any network.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [.., 0x0000 | 0x0200, 0x5efe, high, low] => vec![v4(high, low)],
        _ => Vec::new(),
    }
}
