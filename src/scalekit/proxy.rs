//! The proxy towards Scalekit, which is used only if an administrator asks for one: it resolves names
//! itself, so the addresses of hosts behind it are not checked.

use reqwest::Url;
use std::{convert::Infallible, env, fmt, str::FromStr};

/// `env`, or the URL of a proxy. It is checked by [`Transport::new`](super::Transport::new), since the
/// error of an argument repeats its value, which may contain a password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Proxy(String);

/// The variables that name proxies, as curl knows them.
const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

impl Proxy {
    /// Without a proxy.
    pub const NONE: Self = Self(String::new());

    pub(super) fn is_usable(&self) -> bool {
        self.0.is_empty() || self.is_environment() || self.url().is_some()
    }

    fn is_environment(&self) -> bool {
        self.0 == "env"
    }

    fn url(&self) -> Option<Url> {
        let known = |url: &Url| matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host();
        Url::parse(&self.0).ok().filter(known)
    }

    /// The names of the proxies, which may have private addresses.
    pub(super) fn hosts(&self) -> Vec<String> {
        let variables = || VARIABLES.iter().filter_map(|name| env::var(name).ok());
        let urls: Vec<String> = if self.is_environment() { variables().collect() } else { vec![self.0.clone()] };
        let host = |url: &String| {
            let url = Url::parse(url).ok().filter(Url::has_host).or_else(|| Url::parse(&format!("http://{url}")).ok());
            url.and_then(|url| url.host_str().map(str::to_owned))
        };
        urls.iter().filter_map(host).collect()
    }

    pub(super) fn apply(&self, client: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        match self.url() {
            Some(url) => Ok(client.proxy(reqwest::Proxy::all(url)?)),
            None if self.is_environment() => Ok(client),
            None => Ok(client.no_proxy()),
        }
    }
}

impl FromStr for Proxy {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(if text == "none" { String::new() } else { text.to_owned() }))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hosts().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_env_or_a_url_and_its_password_is_not_printed() {
        for usable in
            ["", "none", "env", "http://proxy:3128", "https://u:hunter2@proxy", "socks5://proxy", "socks5h://[::1]"]
        {
            let proxy: Proxy = usable.parse().unwrap();
            assert!(proxy.is_usable() && !format!("{proxy:?}").contains("hunter2"), "{usable} {proxy:?}");
        }
        for other in ["proxy:3128", "hunter2", "ftp://proxy", "http://", "true"] {
            assert!(!other.parse::<Proxy>().unwrap().is_usable(), "{other}");
        }
        assert_eq!("https://u:hunter2@proxy:1".parse::<Proxy>().unwrap().hosts(), ["proxy"]);
    }
}
