//! Reads credentials from the files of a folder or from environment variables: the operator's default
//! credentials, and the credentials of `osp`.

use super::{Credentials, Rules};
use crate::reconcile::{CredentialsError, CredentialsKey, CredentialsSource};
use secrecy::{ExposeSecret, SecretSlice};
use std::{ffi::OsString, io, path::Path};

/// The largest credentials file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The values in the order of [`CredentialsKey::ALL`]; `None` if all are missing. Wiped from memory when
/// dropped.
pub type RawCredentials = Option<[Option<SecretSlice<u8>>; 3]>;

/// Reads the files in `folder` that are named like the keys, or without a folder the environment
/// variables of those names.
pub async fn read_default_credentials(folder: Option<&Path>) -> RawCredentials {
    let mut values = [None, None, None];
    for (value, key) in values.iter_mut().zip(CredentialsKey::ALL) {
        let found = match folder {
            Some(folder) => file(&folder.join(key.as_str())).await,
            None => variable(std::env::var_os(key.as_str())),
        };
        *value = found.map(SecretSlice::from);
    }
    values.iter().any(Option::is_some).then_some(values)
}

/// The value of an environment variable; an empty one counts as unset.
fn variable(value: Option<OsString>) -> Option<Vec<u8>> {
    value.map(OsString::into_encoded_bytes).filter(|value| !value.is_empty())
}

impl Credentials {
    /// Checks the values that were read from `from`.
    pub fn from_raw(values: RawCredentials, from: &CredentialsSource, rules: &Rules) -> Result<Self, CredentialsError> {
        let [url, id, secret] = values.ok_or_else(|| CredentialsError::Missing(from.clone()))?;
        let found = |key, value: Option<SecretSlice<u8>>| {
            value.ok_or_else(|| CredentialsError::KeyMissing { from: from.clone(), key })
        };
        let url = found(CredentialsKey::EnvironmentUrl, url)?;
        let id = found(CredentialsKey::ClientId, id)?;
        let secret = found(CredentialsKey::ClientSecret, secret)?;
        Self::parse(url.expose_secret(), id.expose_secret(), secret.expose_secret(), rules)
            .map_err(|(key, why)| CredentialsError::Invalid { from: from.clone(), key, why })
    }
}

async fn file(path: &Path) -> Option<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let read = async {
        let mut bytes = Vec::new();
        tokio::fs::File::open(path).await?.take(LARGEST).read_to_end(&mut bytes).await?;
        io::Result::Ok(bytes)
    };
    match read.await {
        Ok(bytes) => Some(bytes),
        // the second: what is named as the folder is a file
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "credentials file not readable");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(variable(Some("".into())), None);
        assert_eq!(variable(Some("a".into())), Some(b"a".to_vec()));
    }

    #[test]
    fn the_key_that_is_not_there_is_named() {
        let rules = Rules::default();
        let from = CredentialsSource::Secret("scalekit".into());
        let read = |url: &str, id: Option<&str>, secret: &str| {
            let bytes = |text: &str| Some(SecretSlice::from(text.as_bytes().to_vec()));
            let values = [bytes(url), id.and_then(bytes), bytes(secret)];
            Credentials::from_raw(Some(values), &from, &rules).map(|_| ()).map_err(|e| e.to_string())
        };
        let (url, id) = ("https://acme.scalekit.com", Some("i"));
        for (found, message) in [
            (read(url, None, "s"), "the key SCALEKIT_CLIENT_ID is missing"),
            (read(url, id, "a canary"), "SCALEKIT_CLIENT_SECRET contains white space or control characters"),
            (read("http://canary.example", id, "s"), "SCALEKIT_ENVIRONMENT_URL is not an https URL"),
        ] {
            assert_eq!(found, Err(format!("Secret scalekit: {message}")));
        }
        assert_eq!(read(url, id, "s"), Ok(()));
    }

    #[test]
    fn a_source_without_any_key_is_named() {
        for (from, message) in [
            (CredentialsSource::Environment, "the environment variables SCALEKIT_…: not there"),
            (
                CredentialsSource::DefaultFolder,
                "the operator's credentials folder: not there, and the resource has no other",
            ),
        ] {
            let found = Credentials::from_raw(None, &from, &Rules::default());
            assert_eq!(found.err().map(|error| error.to_string()).as_deref(), Some(message));
        }
    }
}
