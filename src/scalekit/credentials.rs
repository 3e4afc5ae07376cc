//! What it takes to talk to an environment, from a Secret's bytes.

use super::{
    Environment,
    address::{Address, Rules},
};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use thiserror::Error;

/// Larger values are no URL, id or secret of anybody's.
const LARGEST: usize = 4096;

/// The URL, client id and client secret of one environment. Prints none of
/// them; the secret is wiped from memory when the last copy goes.
#[derive(Clone)]
pub struct Credentials {
    address: Address,
    id: String,
    secret: SecretString,
}

/// The keys under which credentials are kept, in Secrets as in environment
/// variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The environment's base URL.
    EnvironmentUrl,
    /// The client id.
    ClientId,
    /// The client secret.
    ClientSecret,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EnvironmentUrl, Self::ClientId, Self::ClientSecret];

    /// The key's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnvironmentUrl => "SCALEKIT_ENVIRONMENT_URL",
            Self::ClientId => "SCALEKIT_CLIENT_ID",
            Self::ClientSecret => "SCALEKIT_CLIENT_SECRET",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which value cannot be used, and why; never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("{key} {flaw}")]
pub struct CredentialsProblem {
    /// Which value.
    pub key: Key,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What can be wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Flaw {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Above 4 KiB.
    #[error("is larger than 4 KiB")]
    TooLarge,
    /// Not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// White space or control characters, beyond one newline at the end.
    #[error("contains white space or control characters")]
    Whitespace,
    /// Not an absolute URL with a host.
    #[error("is not an absolute URL")]
    NotAUrl,
    /// Another scheme than https (or than http, where that is allowed).
    #[error("is not an https URL")]
    NotHttps,
    /// `user@` or `user:password@`.
    #[error("contains user information")]
    UserInfo,
    /// `?…` or `#…`.
    #[error("contains a query or a fragment")]
    QueryOrFragment,
    /// Link-local or unspecified address, or a cloud's metadata service.
    #[error("names a host that is never contacted")]
    HostRefused,
    /// Not covered by the allow-list.
    #[error("names a host that is not on the list of allowed hosts")]
    HostNotAllowed,
}

impl CredentialsProblem {
    /// For labels and reasons.
    pub const fn category(&self) -> &'static str {
        "InvalidCredentials"
    }
}

impl Credentials {
    /// Checks the three values as they stand in a Secret or a file. One newline
    /// at the end of each is tolerated, since editors and `echo` leave one.
    pub fn parse(url: &[u8], id: &[u8], secret: &[u8], rules: &Rules) -> Result<Self, CredentialsProblem> {
        let url_text = text(Key::EnvironmentUrl, url)?;
        let address =
            Address::parse(url_text, rules).map_err(|flaw| CredentialsProblem { key: Key::EnvironmentUrl, flaw })?;
        let id = text(Key::ClientId, id)?.to_owned();
        let secret = SecretString::from(text(Key::ClientSecret, secret)?);
        Ok(Self { address, id, secret })
    }

    /// Which environment they are for.
    pub fn environment(&self) -> &Environment {
        self.address.environment()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// To tell whether a rotation changed anything.
impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address && self.id == other.id && self.secret() == other.secret()
    }
}

impl Eq for Credentials {}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

fn text(key: Key, bytes: &[u8]) -> Result<&str, CredentialsProblem> {
    let flawed = |flaw| Err(CredentialsProblem { key, flaw });
    if bytes.len() > LARGEST {
        return flawed(Flaw::TooLarge);
    }
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    match std::str::from_utf8(bytes) {
        Err(_) => flawed(Flaw::NotText),
        Ok("") => flawed(Flaw::Empty),
        Ok(text) if text.chars().any(|c| c.is_whitespace() || c.is_control()) => flawed(Flaw::Whitespace),
        Ok(text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const URL: &[u8] = b"https://acme.scalekit.com";

    fn parse(url: &[u8], id: &[u8], secret: &[u8]) -> Result<Credentials, CredentialsProblem> {
        Credentials::parse(url, id, secret, &Rules::default())
    }

    #[test]
    fn one_newline_at_the_end_of_each_value_is_tolerated() {
        let plain = parse(URL, b"skc_1", b"test_s").unwrap();
        assert_eq!(parse(b"https://acme.scalekit.com\n", b"skc_1\r\n", b"test_s\n").unwrap(), plain);
        assert_eq!((plain.id(), plain.secret()), ("skc_1", "test_s"));
    }

    #[test]
    fn a_bad_value_is_named_by_its_key_and_its_flaw() {
        let large = vec![b'a'; 4097];
        for (bad, flaw) in [
            (&b""[..], Flaw::Empty),
            (b"\n", Flaw::Empty),
            (b"a\n\n", Flaw::Whitespace),
            (b"a\r", Flaw::Whitespace),
            (b" a", Flaw::Whitespace),
            (b"a b", Flaw::Whitespace),
            (b"a\tb", Flaw::Whitespace),
            ("a\u{a0}b".as_bytes(), Flaw::Whitespace),
            (b"a\0b", Flaw::Whitespace),
            (b"a\x7f", Flaw::Whitespace),
            (b"\xff\xfe", Flaw::NotText),
            (&large, Flaw::TooLarge),
        ] {
            let problem = |key| Some(CredentialsProblem { key, flaw });
            assert_eq!(parse(bad, b"id", b"secret").err(), problem(Key::EnvironmentUrl));
            assert_eq!(parse(URL, bad, b"secret").err(), problem(Key::ClientId));
            assert_eq!(parse(URL, b"id", bad).err(), problem(Key::ClientSecret));
        }
    }

    #[test]
    fn a_problem_reads_as_a_sentence_without_the_value() {
        let problem = parse(b"http://canary.example", b"id", b"secret").unwrap_err();
        assert_eq!(problem.to_string(), "SCALEKIT_ENVIRONMENT_URL is not an https URL");
    }

    #[test]
    fn credentials_do_not_print() {
        let shown = format!("{:?}", parse(URL, b"canary-id", b"canary-secret").unwrap());
        assert_eq!(shown, "Credentials(redacted)");
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(url: Vec<u8>, id: Vec<u8>, secret: Vec<u8>) {
            let _ = parse(&url, &id, &secret);
        }

        #[test]
        fn no_text_makes_the_url_check_panic(text in "(https?://)?\\PC{0,40}") {
            let rules = Rules { allow_http: true, allowed_hosts: vec!["example.com".to_owned()] };
            let _ = Credentials::parse(text.as_bytes(), b"id", b"secret", &rules);
        }
    }
}
