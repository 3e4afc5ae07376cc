//! Where credentials come from, and why they can't be used. Scalekit's client
//! checks the values; the rest of the program carries the result as a value and
//! turns it into words only where a person reads it. A value of a
//! credential is never part of either.

use super::Reason;
use std::{fmt, path::PathBuf};
use strum::IntoStaticStr;
use thiserror::Error;

/// Where credentials are read, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialsSource {
    /// The Secret of this name in the resource's namespace.
    Secret(String),
    /// The operator's default credentials, from files in a folder.
    DefaultFolder,
    /// The operator's default credentials, from its environment variables.
    DefaultEnvironment,
    /// The folder that the user of the CLI names.
    Folder(PathBuf),
    /// The environment variables of the CLI.
    Environment,
}

/// Where credentials lead that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// The environment's host.
    pub environment: String,
    /// Where the credentials come from.
    pub source: CredentialsSource,
    /// The environment was seen to merge the features that are sent with the others.
    pub merges_features: bool,
    /// Identifies the client within the process: equal credentials have the same number.
    pub client: u64,
}

/// The keys under which credentials are kept: in a Secret, as file names, as
/// environment variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, IntoStaticStr)]
pub enum CredentialsKey {
    /// The environment's base URL.
    #[strum(serialize = "SCALEKIT_ENVIRONMENT_URL")]
    EnvironmentUrl,
    /// The client id.
    #[strum(serialize = "SCALEKIT_CLIENT_ID")]
    ClientId,
    /// The client secret.
    #[strum(serialize = "SCALEKIT_CLIENT_SECRET")]
    ClientSecret,
}

/// Why credentials can't be used, known before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum CredentialsError {
    /// Nothing is there: no such Secret, no file or variable of these names.
    #[error("{0}: not there{no_other}", no_other = .0.no_other())]
    Missing(CredentialsSource),
    /// One of the keys is not there.
    #[error("{from}: the key {key} is missing")]
    KeyMissing {
        /// Where it should be.
        from: CredentialsSource,
        /// Which.
        key: CredentialsKey,
    },
    /// The value of a key can't be used.
    #[error("{from}: {key} {why}")]
    Invalid {
        /// Where it was found.
        from: CredentialsSource,
        /// Which key's.
        key: CredentialsKey,
        /// What is wrong with it.
        why: InvalidValue,
    },
    /// The Secret could not be read, so whether it is there is unknown.
    #[error("{from}: {why}")]
    Unreadable {
        /// Which.
        from: CredentialsSource,
        /// Why not.
        why: ReadError,
    },
    /// The operator's default credentials are not for resources of this namespace.
    #[error("namespace {namespace} needs a Secret of its own")]
    NotAllowed {
        /// The resource's.
        namespace: String,
    },
}

/// Why the API server does not hand out a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ReadError {
    /// 403.
    #[error("the operator may not read it, the API server answers 403")]
    Forbidden,
    /// No answer in time, a server error, or an answer that is no Secret.
    #[error("the API server does not answer, or not with a Secret")]
    Unavailable,
}

/// What is wrong with the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum InvalidValue {
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
    /// Link-local, multicast or unspecified address, or a cloud's metadata service.
    #[error("names a host that is never contacted")]
    HostRefused,
    /// Not covered by the allow-list.
    #[error("names a host that is not on the list of allowed hosts")]
    HostNotAllowed,
}

impl CredentialsError {
    /// The reason that conditions and events give for it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) => Reason::CredentialsMissing,
            Self::KeyMissing { .. } | Self::Invalid { .. } => Reason::CredentialsIncomplete,
            Self::Unreadable { .. } => Reason::CredentialsUnreadable,
            Self::NotAllowed { .. } => Reason::CredentialsNotAllowed,
        }
    }

    /// Whether it says something of the API server at this moment, and nothing of
    /// the credentials.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreadable { why: ReadError::Unavailable, .. })
    }
}

impl CredentialsSource {
    /// What the user of the operator has to know besides: the resource names no
    /// Secret, or only this one.
    const fn no_other(&self) -> &'static str {
        match self {
            Self::DefaultFolder | Self::DefaultEnvironment => ", and the resource has no other",
            Self::Secret(_) | Self::Folder(_) | Self::Environment => "",
        }
    }
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => write!(f, "Secret {name}"),
            Self::DefaultFolder => f.write_str("the operator's credentials folder"),
            Self::DefaultEnvironment => f.write_str("the operator's environment variables"),
            Self::Folder(path) => write!(f, "the folder {}", path.display()),
            Self::Environment => f.write_str("the environment variables SCALEKIT_…"),
        }
    }
}

impl CredentialsKey {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EnvironmentUrl, Self::ClientId, Self::ClientSecret];

    /// The key's name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_no_secret_is_told_that_there_are_no_other_credentials() {
        let missing = |source| CredentialsError::Missing(source).to_string();
        assert_eq!(missing(CredentialsSource::Secret("acme".into())), "Secret acme: not there");
        let default = "the operator's credentials folder: not there, and the resource has no other";
        assert_eq!(missing(CredentialsSource::DefaultFolder), default);
    }

    #[test]
    fn a_key_is_called_as_in_the_secret() {
        for key in CredentialsKey::ALL {
            assert_eq!(key.as_str(), key.to_string());
        }
        assert_eq!(CredentialsKey::ClientId.as_str(), "SCALEKIT_CLIENT_ID");
    }
}
