//! The client's address: that of the connection, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;
use ipnet::IpNet;

use crate::app::Settings;

/// The address of the client of this request.
pub(crate) fn of(parts: &Parts, settings: &Settings) -> IpAddr {
    // Without connection info (in-process tests) all callers share one address.
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
        .to_canonical();
    let named = parts.headers.get_all("x-forwarded-for").iter();
    let named: Vec<&str> = named.filter_map(|value| value.to_str().ok()).collect();
    client(peer, &named.join(","), &settings.trusted_proxies)
}

/// From the right: each proxy names who spoke to it; the first that is not ours is the client.
/// What is further left was written by the client itself.
fn client(peer: IpAddr, named: &str, trusted: &[IpNet]) -> IpAddr {
    let mut nearest = peer;
    for name in named.rsplit(',').map(str::trim) {
        if !contains(trusted, nearest) {
            break;
        }
        let Some(next) = read(name) else { break };
        nearest = next;
    }
    nearest
}

/// An address as proxies write it, with or without a port.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// Whether an address is in one of these networks.
pub(crate) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// A network, or a single address.
pub(crate) fn network(text: &str) -> Result<IpNet, &'static str> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse().map(IpAddr::into).ok());
    let net = net.ok_or("write an address or a network, such as 203.0.113.7 or 203.0.113.0/24")?;
    if net.trunc() == net {
        Ok(net)
    } else {
        Err("this network has bits set after its prefix; write its first address")
    }
}

/// One home or host: an IPv4 address, or the first 64 bits of an IPv6 one.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, named: &str, trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| network(net).unwrap()).collect();
        client(peer.parse().unwrap(), named, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_name_somebody_else() {
        assert_eq!(seen("198.51.100.1", "203.0.113.9", &[]), "198.51.100.1");
        assert_eq!(seen("198.51.100.1", "203.0.113.9", &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.2", "203.0.113.9", &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.2", "203.0.113.9, 10.0.0.7", &["10.0.0.0/8"]), "203.0.113.9");
        // What the client wrote itself is further left, and is not believed.
        assert_eq!(seen("10.0.0.2", "127.0.0.1, 203.0.113.9", &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.2", "", &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.2", "unknown", &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.2", "203.0.113.9:4711", &["10.0.0.2"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.2", "[2001:db8::1]:4711", &["10.0.0.2"]), "2001:db8::1");
    }

    #[test]
    fn a_network_is_written_by_its_first_address() {
        assert!(network("203.0.113.7").is_ok());
        assert!(network("2001:db8::/32").is_ok());
        for bad in ["", "203.0.113.7/24", "203.0.113.0/33", "example.com", "203.0.113"] {
            assert!(network(bad).is_err(), "{bad}");
        }
        let nets = [network("203.0.113.0/24").unwrap()];
        assert!(contains(&nets, "::ffff:203.0.113.9".parse().unwrap()));
        assert!(!contains(&nets, "203.0.114.1".parse().unwrap()));
    }
}
