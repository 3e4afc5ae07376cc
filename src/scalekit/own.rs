//! A program's own credentials: files of a folder, or environment variables.
//! The operator and the CLI read them here.

use super::{Credentials, CredentialsProblem, Key, Rules};
use std::{io, path::Path};
use thiserror::Error;

/// The largest credentials file that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The three values in the order of [`Key::ALL`]; `None`: no such source.
pub type Values = Option<Vec<Option<Vec<u8>>>>;

/// Why values are no credentials; never the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Unusable {
    /// None of the three is there.
    #[error("not there")]
    Missing,
    /// One of them is not there.
    #[error("the key {0} is missing")]
    KeyMissing(Key),
    /// One of them can't be used.
    #[error(transparent)]
    Flawed(#[from] CredentialsProblem),
}

/// What the files in `folder` hold that are named like the keys; without a
/// folder, the environment variables of those names.
pub async fn own_values(folder: Option<&Path>) -> Values {
    let mut values = Vec::new();
    for key in Key::ALL {
        values.push(match folder {
            Some(folder) => file(&folder.join(key.as_str())).await,
            None => std::env::var(key.as_str()).ok().map(String::into_bytes),
        });
    }
    values.iter().any(Option::is_some).then_some(values)
}

impl Credentials {
    /// Credentials from what was found under the three keys.
    pub fn complete(values: Values, rules: &Rules) -> Result<Self, Unusable> {
        let values = values.ok_or(Unusable::Missing)?;
        let mut complete = Vec::new();
        for (key, value) in Key::ALL.into_iter().zip(values) {
            complete.push(value.ok_or(Unusable::KeyMissing(key))?);
        }
        let [url, id, secret] = complete.as_slice() else { return Err(Unusable::Missing) };
        Ok(Self::parse(url, id, secret, rules)?)
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a credentials file can't be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_is_not_there_is_named() {
        let rules = Rules::default();
        let complete = |values| Credentials::complete(values, &rules).map(|_| ()).map_err(|e| e.to_string());
        let url = || Some(b"https://acme.scalekit.com".to_vec());
        assert_eq!(complete(None), Err("not there".into()));
        let found = complete(Some(vec![url(), None, Some(b"s".to_vec())]));
        assert_eq!(found, Err("the key SCALEKIT_CLIENT_ID is missing".into()));
        let found = complete(Some(vec![url(), Some(b"i".to_vec()), Some(b"a canary".to_vec())]));
        assert_eq!(found, Err("SCALEKIT_CLIENT_SECRET contains white space or control characters".into()));
        assert_eq!(complete(Some(vec![url(), Some(b"i".to_vec()), Some(b"s".to_vec())])), Ok(()));
    }
}
