//! Parses the credentials of one environment from the bytes of a Secret, files or variables.

use super::{
    Environment,
    address::{Address, Rules},
};
use crate::reconcile::{CredentialsKey as Key, InvalidValue};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The largest value, in bytes.
const LARGEST: usize = 4096;

/// The URL, client id and client secret of one environment. Its Debug output shows none of them, and
/// the secret is wiped from memory with the last copy.
#[derive(Clone)]
pub struct Credentials {
    pub(super) address: Address,
    id: String,
    secret: SecretString,
    /// What allowed their URL; it has to allow their issuer's too.
    pub(super) rules: Rules,
}

impl Credentials {
    /// Checks the three values of a Secret or of files. A newline at the end of each is ignored, since
    /// editors and `echo` add one.
    pub(super) fn parse(url: &[u8], id: &[u8], secret: &[u8], rules: &Rules) -> Result<Self, (Key, InvalidValue)> {
        let url = text(Key::EnvironmentUrl, url)?;
        let address = Address::parse(url, rules).map_err(|why| (Key::EnvironmentUrl, why))?;
        let id = text(Key::ClientId, id)?.to_owned();
        let secret = SecretString::from(text(Key::ClientSecret, secret)?);
        Ok(Self { address, id, secret, rules: rules.clone() })
    }

    /// The host of the environment.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.address.environment
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// Credentials are compared to notice a rotation.
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

fn text(key: Key, bytes: &[u8]) -> Result<&str, (Key, InvalidValue)> {
    let invalid = |why| Err((key, why));
    if bytes.len() > LARGEST {
        return invalid(InvalidValue::TooLarge);
    }
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    match std::str::from_utf8(bytes) {
        Err(_) => invalid(InvalidValue::NotText),
        Ok("") => invalid(InvalidValue::Empty),
        Ok(text) if text.chars().any(|c| c.is_whitespace() || c.is_control()) => invalid(InvalidValue::Whitespace),
        Ok(text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const URL: &[u8] = b"https://acme.scalekit.com";

    fn parse(url: &[u8], id: &[u8], secret: &[u8]) -> Result<Credentials, (Key, InvalidValue)> {
        Credentials::parse(url, id, secret, &Rules::default())
    }

    #[test]
    fn one_newline_at_the_end_of_each_value_is_tolerated() {
        let plain = parse(URL, b"skc_1", b"test_s").unwrap();
        assert_eq!(parse(b"https://acme.scalekit.com\n", b"skc_1\r\n", b"test_s\n").unwrap(), plain);
        assert_eq!((plain.id(), plain.secret()), ("skc_1", "test_s"));
    }

    #[test]
    fn a_bad_value_is_named_by_its_key_and_what_is_wrong_with_it() {
        let large = vec![b'a'; 4097];
        for (bad, why) in [
            (&b""[..], InvalidValue::Empty),
            (b"\n", InvalidValue::Empty),
            (b"a\n\n", InvalidValue::Whitespace),
            (b"a\r", InvalidValue::Whitespace),
            (b" a", InvalidValue::Whitespace),
            (b"a b", InvalidValue::Whitespace),
            (b"a\tb", InvalidValue::Whitespace),
            ("a\u{a0}b".as_bytes(), InvalidValue::Whitespace),
            (b"a\0b", InvalidValue::Whitespace),
            (b"a\x7f", InvalidValue::Whitespace),
            (b"\xff\xfe", InvalidValue::NotText),
            (&large, InvalidValue::TooLarge),
        ] {
            assert_eq!(parse(bad, b"id", b"secret").err(), Some((Key::EnvironmentUrl, why)));
            assert_eq!(parse(URL, bad, b"secret").err(), Some((Key::ClientId, why)));
            assert_eq!(parse(URL, b"id", bad).err(), Some((Key::ClientSecret, why)));
        }
    }

    #[test]
    fn row_094_credentials_do_not_print() {
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
            let rules = Rules { allow_http: true, allowed_hosts: vec!["example.com".to_owned()], ..Rules::default() };
            let _ = Credentials::parse(text.as_bytes(), b"id", b"secret", &rules);
        }
    }
}
