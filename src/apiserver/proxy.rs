//! The proxy towards the API server, with the rules of Go's `net/http`, which kubectl follows.

use super::ConfigError;
use hyper::Uri;
use std::net::IpAddr;

/// The proxy for `server`: `proxy-url` of its cluster, or else what the environment names for its
/// scheme, unless `NO_PROXY` has the server. `variable` reads the environment.
pub(super) fn choose(
    proxy_url: Option<&str>,
    server: &Uri,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, ConfigError> {
    if let Some(url) = proxy_url.filter(|url| !url.is_empty()) {
        return parse(url, "proxy-url in the kubeconfig").map(Some);
    }
    let names =
        if server.scheme_str() == Some("http") { ["HTTP_PROXY", "http_proxy"] } else { ["HTTPS_PROXY", "https_proxy"] };
    let set = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((variable(name).filter(|value| !value.is_empty())?, name)))
    };
    let Some((url, name)) = set(names) else { return Ok(None) };
    let no_proxy = set(["NO_PROXY", "no_proxy"]).map(|(list, _)| list).unwrap_or_default();
    if is_direct(server, &no_proxy) {
        return Ok(None);
    }
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    parse(&url, name).map(Some)
}

fn parse(url: &str, from: &'static str) -> Result<Uri, ConfigError> {
    let unusable = || ConfigError::Proxy(from);
    // kube has no socks5h, but lets the proxy resolve names with socks5 too
    let url = url.replacen("socks5h://", "socks5://", 1);
    let uri: Uri = url.parse().map_err(|_| unusable())?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(unusable)?.clone();
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some("socks5") if authority.as_str().contains('@') => Err(ConfigError::SocksUser(from)),
        Some("socks5") => {
            let port = authority.port_u16().unwrap_or(1080);
            format!("socks5://{}:{port}", authority.host()).parse().map_err(|_| unusable())
        }
        _ => Err(unusable()),
    }
}

/// Whether `no_proxy` has the server, or the server is this machine.
fn is_direct(server: &Uri, no_proxy: &str) -> bool {
    let host = server.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    no_proxy.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return address.is_some_and(|address| in_network(address, network, bits));
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, number)) if !name.contains(':') || name.ends_with(']') => (name, number.parse::<u16>().ok()),
            _ => (entry.as_str(), None),
        };
        if wanted.is_some_and(|wanted| wanted != port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(named) = name.parse::<IpAddr>() {
            return address == Some(named);
        }
        // `.a.b` and `*.a.b` are the names below a.b, `a.b` is that name too
        let (below, itself) = match name.trim_start_matches('*').strip_prefix('.') {
            Some(below) => (below, false),
            None => (name, true),
        };
        address.is_none()
            && ((itself && host == below)
                || host.strip_suffix(below).is_some_and(|rest| rest.ends_with('.') && !below.is_empty()))
    })
}

/// Whether `address` is in the network `network/bits`.
fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let same = |address: u128, network: u128, size: u32| {
        bits <= size && (bits == 0 || address >> (size - bits) == network >> (size - bits))
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same(u32::from(address).into(), u32::from(network).into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => same(address.into(), network.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for `server` with these variables.
    fn chosen(proxy_url: Option<&str>, server: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let server = server.parse().unwrap();
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let chosen = choose(proxy_url, &server, variable);
        chosen.map(|uri| uri.map(|uri| uri.to_string())).map_err(|error| error.to_string())
    }

    const SERVER: &str = "https://k8s.example:6443";

    #[test]
    fn the_kubeconfig_names_the_proxy_and_else_the_environment_does() {
        let environment = [("HTTPS_PROXY", "http://env:3128"), ("NO_PROXY", "*")];
        assert_eq!(chosen(Some("http://file:1"), SERVER, &environment), Ok(Some("http://file:1/".into())));
        let only = &environment[..1];
        assert_eq!(chosen(None, SERVER, only), Ok(Some("http://env:3128/".into())));
        assert_eq!(chosen(Some(""), SERVER, only), Ok(Some("http://env:3128/".into())));
        assert_eq!(chosen(None, "http://k8s.example", only), Ok(None));
        assert_eq!(chosen(None, SERVER, &[("HTTP_PROXY", "http://env:3128")]), Ok(None));
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "env:3128"), ("NO_PROXY", ""), ("no_proxy", "other")];
        assert_eq!(chosen(None, SERVER, &empty), Ok(Some("http://env:3128/".into())));
    }

    #[test]
    fn this_machine_is_reached_without_the_proxy_of_the_environment() {
        let set = [("HTTPS_PROXY", "http://env:3128")];
        for server in ["https://127.0.0.1:1", "https://localhost:6443", "https://[::1]:6443", "https://127.9.9.9"] {
            assert_eq!(chosen(None, server, &set), Ok(None), "{server}");
        }
        assert_eq!(chosen(Some("http://file:1"), "https://127.0.0.1:1", &[]), Ok(Some("http://file:1/".into())));
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (list, server, direct) in [
            ("*", SERVER, true),
            ("k8s.example", SERVER, true),
            ("K8S.example.", "https://k8s.example.", false),
            ("example", SERVER, true),
            (".example", SERVER, true),
            ("*.example", SERVER, true),
            (".k8s.example", SERVER, false),
            ("xample", SERVER, false),
            ("a, ,k8s.example,", SERVER, true),
            ("k8s.example:6443", SERVER, true),
            ("k8s.example:443", SERVER, false),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("10.0.0.0/99", "https://10.1.2.3", false),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.3:6443", true),
            ("10.1.2.3:6443", "https://10.1.2.3:6443", true),
            ("10.1.2.3:1", "https://10.1.2.3:6443", false),
            ("fd00::/8", "https://[fd00::1]:6443", true),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
            ("fd00::1", "https://[fd00::1]:6443", true),
            ("2.3", "https://10.1.2.3", false),
            ("", SERVER, false),
        ] {
            let found = chosen(None, server, &[("HTTPS_PROXY", "http://env:3128"), ("NO_PROXY", list)]).unwrap();
            assert_eq!(found.is_none(), direct, "{list:?} {server}");
        }
    }

    #[test]
    fn socks_has_its_usual_port_and_no_password() {
        for url in ["socks5://proxy", "socks5h://proxy:1080", "socks5://proxy:1080/"] {
            assert_eq!(chosen(Some(url), SERVER, &[]), Ok(Some("socks5://proxy:1080/".into())), "{url}");
        }
        let error = chosen(Some("socks5://u:hunter2@proxy"), SERVER, &[]).unwrap_err();
        assert!(error.contains("user name") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_no_proxy_is_named_without_its_password() {
        for url in ["u:hunter2@proxy:80", "ftp://u:hunter2@proxy", "http://u:hunter2@", "hunter2", "http:///hunter2"] {
            let error = chosen(Some(url), SERVER, &[]).unwrap_err();
            assert!(error.contains("proxy-url") && !error.contains("hunter2"), "{error}");
        }
        let error = chosen(None, SERVER, &[("HTTPS_PROXY", "ftp://u:hunter2@proxy")]).unwrap_err();
        assert!(error.contains("HTTPS_PROXY") && !error.contains("hunter2"), "{error}");
    }
}
