//! Refuses addresses that must not be contacted, or only if an administrator allows the host: a URL
//! in a Secret must not lead the operator to a cloud's metadata service, nor into the cluster's
//! network.
//!
//! A name is checked each time that it is resolved for a connection, since its address may change.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The names of clouds' metadata services.
const REFUSED_NAMES: [&str; 2] = ["metadata.google.internal", "metadata"];

/// The metadata services that are not link-local: of Alibaba Cloud and Azure; of EC2 (two) and Google
/// Cloud.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// The IP address in a host of the `url` crate, which has IPv6 in brackets.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Whether the host of a URL, normalised by the `url` crate, is refused.
pub(super) fn refused(host: &str) -> bool {
    literal(host).is_some_and(refused_address) || REFUSED_NAMES.contains(&host)
}

/// Whether an address is link-local, a metadata service, or does not identify a host.
fn refused_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => refused_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || METADATA_V6.contains(&v6)
                || embedded_v4(v6).is_some_and(refused_v4)
        }
    }
}

fn refused_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    address.is_link_local() || first == 0 || first >= 224 || METADATA_V4.contains(&address)
}

/// Whether an address is of this host, of a private network, or of a provider's internal network.
fn private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => private_v4(v4),
        IpAddr::V6(v6) => {
            let [first, second, third, ..] = v6.segments();
            let site_local = first & 0xffc0 == 0xfec0;
            // NAT64 of this network alone (RFC 8215)
            let local_nat64 = (first, second, third) == (0x64, 0xff9b, 1);
            v6.is_loopback()
                || v6.is_unique_local()
                || site_local
                || local_nat64
                || embedded_v4(v6).is_some_and(private_v4)
        }
    }
}

fn private_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64; // RFC 6598, behind a provider's NAT
    let benchmarks = first == 198 && second & 0xfe == 18; // RFC 2544
    let protocols = (first, second, third) == (192, 0, 0); // RFC 6890
    address.is_private() || address.is_loopback() || shared || benchmarks || protocols
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
        [0x64, 0xff9b, 1, .., high, low] | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// Resolves names with the system's resolver, and drops refused addresses and, unless `private`,
/// private ones. The proxies of an administrator may have any address.
pub(super) struct Resolver {
    pub(super) private: bool,
    pub(super) proxies: Vec<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (private, proxy) = (self.private, self.proxies.iter().any(|proxy| proxy == name.as_str()));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = |address: IpAddr| proxy || (!refused_address(address) && (private || !private_address(address)));
            let allowed: Vec<SocketAddr> = found.filter(|address| may(address.ip())).collect();
            if allowed.is_empty() {
                tracing::warn!(host = name.as_str(), private, "no address of this host may be contacted");
                return Err("no address of this host may be contacted".into());
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
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:2:3:4:a9fe:a9fe",
            "224.0.0.1",
            "ff02::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "::ffff:100.100.100.200",
        ] {
            assert!(refused_address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn row_090_private_addresses_are_known_in_every_spelling() {
        for address in [
            "10.0.0.1",
            "127.0.0.1",
            "127.255.0.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "198.19.0.1",
            "::1",
            "fd00::1",
            "fc00::1",
            "fec0::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2002:0a00:0001::1",
        ] {
            let address = address.parse().unwrap();
            assert!(private_address(address) && !refused_address(address), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"] {
            let address = address.parse().unwrap();
            assert!(!private_address(address) && !refused_address(address), "{address}");
        }
    }

    #[tokio::test]
    async fn row_090_a_name_that_leads_to_a_refused_address_does_not_resolve() {
        let resolve = |name: &str, private| Resolver { private, proxies: Vec::new() }.resolve(name.parse().unwrap());
        assert!(resolve("0.0.0.0", true).await.is_err());
        assert!(resolve("169.254.169.254", true).await.is_err());
        assert!(resolve("127.0.0.1", true).await.is_ok());
        assert!(resolve("127.0.0.1", false).await.is_err());
        assert!(resolve("localhost", false).await.is_err());
        let proxies = vec!["localhost".to_owned()];
        assert!(Resolver { private: false, proxies }.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
