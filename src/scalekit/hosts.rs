//! Hosts that are never contacted: a URL in a Secret must not lead the
//! operator to a cloud's metadata service.
//!
//! Private and loopback addresses are allowed: a self-hosted Scalekit in the
//! same cluster has one.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Names that clouds give their metadata service.
const REFUSED_NAMES: [&str; 2] = ["metadata.google.internal", "metadata"];

/// The metadata service of EC2 over IPv6, which is not link-local.
const EC2_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The address in `host` as `url` writes it: IPv6 in brackets.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Whether the host of a URL, normalised by `url`, is refused.
pub(super) fn refused(host: &str) -> bool {
    literal(host).is_some_and(refused_address) || REFUSED_NAMES.contains(&host)
}

/// Whether an address is link-local, a metadata service, or no address.
pub(super) fn refused_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => refused_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6 == EC2_METADATA
                || embedded_v4(v6).is_some_and(refused_v4)
        }
    }
}

fn refused_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    address.is_link_local() || first == 0 || address.is_broadcast()
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            if address != Ipv6Addr::LOCALHOST =>
        {
            Some(from(high, low))
        }
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// The system's resolver without the refused addresses, so that no name leads to
/// them either.
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !refused_address(address.ip())).collect();
            if allowed.is_empty() {
                return Err("no address of this host may be used".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_and_link_local_addresses_are_refused_in_every_spelling() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
        ] {
            assert!(refused_address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ordinary_private_and_loopback_addresses_are_not() {
        for address in ["10.0.0.1", "127.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "fd00::1", "2606:4700::1111"] {
            assert!(!refused_address(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_refused_address_does_not_resolve() {
        let resolve = |name: &str| Resolver.resolve(name.parse().unwrap());
        assert!(resolve("0.0.0.0").await.is_err());
        assert!(resolve("169.254.169.254").await.is_err());
        assert!(resolve("127.0.0.1").await.is_ok());
    }
}
