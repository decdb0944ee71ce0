//! Address ranges for the operator `cidr`.

use std::net::IpAddr;

/// A range of addresses, IPv4 and IPv6 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    network: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8` or a single address; the error is a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_not_an_address| format!("\"{text}\" is not an address range."))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(text) => text
                .parse::<u8>()
                .ok()
                .filter(|bits| *bits <= most && bits.to_string() == text)
                .ok_or_else(|| format!("A prefix length here is a number from 0 to {most}."))?,
        };
        let network = masked(address, bits);
        if network != address {
            return Err(format!("\"{text}\" has bits beyond its prefix: write {network}/{bits}."));
        }
        Ok(Self { network, bits })
    }

    /// Whether it holds the address; one mapped into IPv6 counts as the IPv4 address that it is.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        [address, address.to_canonical()].into_iter().any(|address| {
            address.is_ipv4() == self.network.is_ipv4()
                && masked(address, self.bits) == self.network
        })
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
        ];
        for (range, address, expected) in cases {
            let held = Cidr::parse(range).unwrap().contains(address.parse().unwrap());
            assert_eq!(held, expected, "{range} {address}");
        }
    }

    #[test]
    fn malformed_ranges_are_refused() {
        for broken in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.1/8",
            "10.0.0/8",
            "010.0.0.0/8",
            "::/129",
            "10.0.0.0/08",
            "host/8",
            "10.0.0.0/+8",
        ] {
            assert!(Cidr::parse(broken).is_err(), "{broken}");
        }
        let hint = Cidr::parse("10.0.0.1/8").unwrap_err();
        assert!(hint.contains("write 10.0.0.0/8"), "{hint}");
    }
}
