//! Parses and checks the base URL of an environment.

use super::{Environment, hosts};
use crate::reconcile::InvalidValue;
use reqwest::Url;

/// Scalekit's own domains; all hosts below them are Scalekit's too.
pub const SCALEKIT_HOSTS: [&str; 3] = ["scalekit.com", "scalekit.dev", "scalekit.cloud"];

/// Which base URLs are allowed. Link-local addresses and metadata services never are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Accept plain http; for tests and demonstrations.
    pub allow_http: bool,
    /// Host suffixes, matched on whole labels (`example.com` allows itself and
    /// `auth.example.com`, not `evilexample.com`); an IP address only allows
    /// itself. An empty list allows any host. A private address is contacted only
    /// for a host that another entry than [`SCALEKIT_HOSTS`] allows.
    pub allowed_hosts: Vec<String>,
    /// Allow loopback addresses as well; for tests and demonstrations.
    pub allow_loopback: bool,
    /// Tenants write the URLs, so errors of hosts outside [`SCALEKIT_HOSTS`] show neither what the host
    /// responds nor how it fails.
    pub conceal: bool,
    /// The only environment outside of [`SCALEKIT_HOSTS`] that is not concealed.
    pub trusted: Option<Environment>,
}

/// A base URL without a trailing slash. Custom domains, ports and path prefixes are allowed
/// (`scalekit-api.md` §1.1).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    /// Host and port, which share their limits whatever the path.
    pub(super) server: String,
    base: String,
    pub(super) environment: Environment,
    /// The host may have a private address.
    pub(super) private: bool,
    /// Errors show nothing of its responses.
    pub(super) concealed: bool,
}

impl Address {
    pub(super) fn parse(text: &str, rules: &Rules) -> Result<Self, InvalidValue> {
        let url = Url::parse(text).map_err(|_| InvalidValue::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if rules.allow_http => {}
            _ => return Err(InvalidValue::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(InvalidValue::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidValue::QueryOrFragment);
        }
        let host = url.host_str().ok_or(InvalidValue::NotAUrl)?;
        // `example.com.` is the same host as `example.com`; one spelling keeps one identity.
        if host.is_empty() || host.ends_with('.') {
            return Err(InvalidValue::NotAUrl);
        }
        if hosts::refused(host) {
            return Err(InvalidValue::HostRefused);
        }
        let loopback = host == "localhost" || hosts::literal(host).is_some_and(|address| address.is_loopback());
        let scalekits = SCALEKIT_HOSTS.iter().any(|suffix| matches_suffix(host, suffix));
        let listed = |suffix: &String| matches_suffix(host, suffix);
        let private = rules.allowed_hosts.is_empty()
            || (rules.allow_loopback && loopback)
            || rules.allowed_hosts.iter().filter(|suffix| !SCALEKIT_HOSTS.contains(&suffix.as_str())).any(listed);
        if !private && !rules.allowed_hosts.iter().any(listed) {
            return Err(InvalidValue::HostNotAllowed);
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let server = format!("{host}{port}");
        let name = format!("{server}{}", url.path().trim_end_matches('/'));
        let environment = Environment::new(&name);
        Ok(Self {
            host: host.to_owned(),
            server,
            base: format!("{}://{name}", url.scheme()),
            concealed: rules.conceal && !scalekits && rules.trusted.as_ref() != Some(&environment),
            environment,
            private,
        })
    }

    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn matches_suffix(host: &str, suffix: &str) -> bool {
    let suffix = suffix.trim().trim_start_matches("*.").trim_matches('.');
    let Some(suffix) = normalised(suffix) else { return false };
    if host == suffix {
        return true;
    }
    hosts::literal(host).is_none()
        && host.strip_suffix(suffix.as_str()).is_some_and(|labels| labels.ends_with('.') && labels.len() > 1)
}

/// `suffix` as the `url` crate normalises a host: lower case, punycode.
fn normalised(suffix: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{suffix}/")).ok()?;
    let host_only = url.username().is_empty() && url.port().is_none() && url.path() == "/";
    url.host_str().filter(|_| host_only).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, InvalidValue> {
        Address::parse(text, &Rules::default()).map(|address| address.environment.to_string())
    }

    #[test]
    fn beside_the_allowed_hosts_loopback_is_for_tests_alone() {
        let rules =
            |allow_loopback| Rules { allow_loopback, allowed_hosts: vec!["scalekit.com".into()], ..Rules::default() };
        for url in ["https://127.0.0.1:9000", "https://localhost", "https://[::1]"] {
            assert_eq!(Address::parse(url, &rules(false)).err(), Some(InvalidValue::HostNotAllowed), "{url}");
            assert!(Address::parse(url, &rules(true)).is_ok(), "{url}");
        }
        assert_eq!(Address::parse("https://10.0.0.1", &rules(true)).err(), Some(InvalidValue::HostNotAllowed));
    }

    #[test]
    fn the_environment_is_host_port_and_path() {
        for (url, name) in [
            ("https://acme.scalekit.com", "acme.scalekit.com"),
            ("https://acme.scalekit.com///", "acme.scalekit.com"),
            ("HTTPS://ACME.Scalekit.com:443/", "acme.scalekit.com"),
            ("https://auth.example.com:8443/scalekit/", "auth.example.com:8443/scalekit"),
            ("https://10.0.0.7", "10.0.0.7"),
            ("https://[::1]:8443", "[::1]:8443"),
            ("https://bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(url).as_deref(), Ok(name), "{url}");
        }
    }

    #[test]
    fn row_089_a_url_that_is_not_a_plain_https_base_is_refused() {
        for (url, problem) in [
            ("acme.scalekit.com", InvalidValue::NotAUrl),
            ("/relative", InvalidValue::NotAUrl),
            ("https://", InvalidValue::NotAUrl),
            ("https://acme.scalekit.com.", InvalidValue::NotAUrl),
            ("https://acme:99999", InvalidValue::NotAUrl),
            ("http://acme.scalekit.com", InvalidValue::NotHttps),
            ("ftp://acme.scalekit.com", InvalidValue::NotHttps),
            ("file:///etc/passwd", InvalidValue::NotHttps),
            ("acme.scalekit.com:443", InvalidValue::NotHttps),
            ("https://user@acme.scalekit.com", InvalidValue::UserInfo),
            ("https://user:pw@acme.scalekit.com", InvalidValue::UserInfo),
            ("https://@acme.scalekit.com", InvalidValue::UserInfo),
            ("https://acme.scalekit.com?x=1", InvalidValue::QueryOrFragment),
            ("https://acme.scalekit.com/?", InvalidValue::QueryOrFragment),
            ("https://acme.scalekit.com/#a", InvalidValue::QueryOrFragment),
            ("https://169.254.169.254", InvalidValue::HostRefused),
            ("https://169.254.169.254:8443/latest", InvalidValue::HostRefused),
            ("https://0xa9fea9fe", InvalidValue::HostRefused),
            ("https://2852039166", InvalidValue::HostRefused),
            ("https://0251.0376.0251.0376", InvalidValue::HostRefused),
            ("https://169.254.43518", InvalidValue::HostRefused),
            ("https://[::ffff:169.254.169.254]", InvalidValue::HostRefused),
            ("https://[::ffff:a9fe:a9fe]", InvalidValue::HostRefused),
            ("https://[fe80::1]", InvalidValue::HostRefused),
            ("https://0.0.0.0", InvalidValue::HostRefused),
            ("https://[::]", InvalidValue::HostRefused),
            ("https://0", InvalidValue::HostRefused),
            ("https://metadata.google.internal", InvalidValue::HostRefused),
            ("https://METADATA.google.internal/x", InvalidValue::HostRefused),
        ] {
            assert_eq!(parse(url), Err(problem), "{url}");
        }
    }

    #[test]
    fn row_090_only_a_host_that_an_administrator_names_may_have_a_private_address() {
        let private = |host: &str, allowed: &[&str]| {
            let allowed_hosts = allowed.iter().map(|&suffix| suffix.to_owned()).collect();
            let rules = Rules { allowed_hosts, ..Rules::default() };
            Address::parse(&format!("https://{host}"), &rules).map(|address| address.private)
        };
        assert_eq!(private("acme.scalekit.com", &SCALEKIT_HOSTS), Ok(false));
        for allowed in [&["acme.scalekit.com", "scalekit.com"][..], &[]] {
            assert_eq!(private("acme.scalekit.com", allowed), Ok(true), "{allowed:?}");
        }
        assert_eq!(private("auth.example.com", &["scalekit.com", "example.com"]), Ok(true));
        assert_eq!(private("10.0.0.1", &["scalekit.com"]), Err(InvalidValue::HostNotAllowed));
    }

    #[test]
    fn row_121_only_scalekits_own_hosts_and_the_operators_environment_show_what_they_answer() {
        let trusted = Some(Environment::new("auth.example.com"));
        let rules = Rules { conceal: true, trusted, ..Rules::default() };
        let concealed = |url: &str| Address::parse(url, &rules).unwrap().concealed;
        for url in ["https://acme.scalekit.com", "https://acme.scalekit.dev:8443", "https://auth.example.com"] {
            assert!(!concealed(url), "{url}");
        }
        for url in ["https://auth.example.com:22", "https://10.0.0.1", "https://evilscalekit.com", "https://localhost"]
        {
            assert!(concealed(url), "{url}");
        }
        assert!(!Address::parse("https://10.0.0.1", &Rules::default()).unwrap().concealed);
    }

    #[test]
    fn plain_http_needs_the_switch() {
        let rules = Rules { allow_http: true, ..Rules::default() };
        let address = Address::parse("http://127.0.0.1:8080/", &rules).unwrap();
        assert_eq!(address.join("/oauth/token"), "http://127.0.0.1:8080/oauth/token");
        assert!(Address::parse("https://acme.scalekit.com", &rules).is_ok());
    }

    #[test]
    fn row_089_the_allow_list_matches_whole_labels() {
        let allows = |suffix: &str, host: &str| {
            let rules = Rules { allow_http: false, allowed_hosts: vec![suffix.to_owned()], ..Rules::default() };
            Address::parse(&format!("https://{host}"), &rules).is_ok()
        };
        for (suffix, host) in [
            ("example.com", "example.com"),
            ("example.com", "auth.example.com:8443"),
            ("Example.COM", "a.b.example.com"),
            (".example.com", "auth.example.com"),
            ("*.example.com", "auth.example.com"),
            ("bücher.example", "auth.xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert!(allows(suffix, host), "{suffix} {host}");
        }
        for (suffix, host) in [
            ("example.com", "evilexample.com"),
            ("example.com", "example.com.evil.org"),
            ("example.com", "com"),
            ("0.0.1", "127.0.0.1"),
            ("", "example.com"),
            ("example.com/x", "example.com"),
            ("169.254.169.254", "169.254.169.254"),
        ] {
            assert!(!allows(suffix, host), "{suffix} {host}");
        }
    }
}
