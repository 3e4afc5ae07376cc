//! Connects to the API server as kubectl does: kubeconfig, credential plugin, proxy. The operator and
//! the verbs of `osp` that read a cluster use it.
//!
//! `kube` could do this itself, but it fails on a missing file of `KUBECONFIG`, panics on a server
//! without a scheme, compares `NO_PROXY` with the proxy, starts a credential plugin three times, and
//! prints the plugin's environment when it fails.

mod exec;
mod files;
mod kubeconfig;
mod proxy;
mod requests;
#[cfg(test)]
mod sample;

pub use exec::Lifetime;
pub use kubeconfig::{Impersonation, Names, Selection};
pub(crate) use kubeconfig::{client, observed_client};
#[cfg(test)]
pub(crate) use sample::{sample, sample_of_bodies};

use crate::terminal::with_causes;
use kube::client::AuthError;
use std::{error::Error, io, path::PathBuf};
use thiserror::Error;

/// Why there is no connection to try. No message contains a value that may be secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// No file, and no service account either.
    #[error("there is no kubeconfig at {0}; name a kubeconfig with --kubeconfig or KUBECONFIG")]
    NoKubeconfig(String),
    /// A file that can't be read.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// No context is selected.
    #[error("the kubeconfig sets no current-context; name a context with --context")]
    NoContext,
    /// A context, cluster or user that is named and not there.
    #[error("the kubeconfig has no {what} {name}")]
    Missing {
        /// `context`, `cluster` or `user`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The server of a cluster is not the URL of a server.
    #[error("the server of cluster {cluster} in the kubeconfig is no https:// URL: {server:?}")]
    Server {
        /// The cluster.
        cluster: String,
        /// The value.
        server: String,
    },
    /// The port is not a number that a port can be; kube would take the one of the scheme.
    #[error("the server of cluster {cluster} in the kubeconfig has no valid port: {server:?}")]
    Port {
        /// The cluster.
        cluster: String,
        /// The value.
        server: String,
    },
    /// The value is not repeated, since it contains a password.
    #[error(
        "the server of cluster {0} in the kubeconfig has a user name in its URL, which is not sent: give it to a user of the kubeconfig"
    )]
    ServerUser(String),
    /// A header can't have it.
    #[error("the token of the kubeconfig has a line break or another control character")]
    Token,
    /// The value is not repeated, since it may contain a password.
    #[error("{0} is no proxy that can be used: write http://, https:// or socks5://, the host and the port")]
    Proxy(&'static str),
    /// SOCKS with a password.
    #[error("{0} names a SOCKS proxy with a user name, which is not supported")]
    SocksUser(&'static str),
    /// A certificate or key that can't be read.
    #[error("{what} of the kubeconfig can't be used: {why}")]
    Certificate {
        /// The field.
        what: &'static str,
        /// The reason.
        why: String,
    },
    /// Kubernetes has no built-in login of a cloud any more, and we none.
    #[error(
        "the kubeconfig logs in with the auth-provider {0}, which Kubernetes has no longer: use the credential plugin of your cloud"
    )]
    AuthProvider(String),
    /// There is no program to start.
    #[error("the kubeconfig logs in with a credential plugin (exec) that has no command")]
    NoCommand,
    /// The protocol of the credential plugin is not known.
    #[error(
        "the kubeconfig logs in with {command}, which has {has}: client.authentication.k8s.io/v1 or v1beta1 is known"
    )]
    PluginVersion {
        /// The program.
        command: String,
        /// Its version, or that it has none.
        has: String,
    },
    /// The credential plugin is not installed.
    #[error("the kubeconfig logs in with {command}, which can't be started: {cause}{hint}")]
    NoPlugin {
        /// The program.
        command: String,
        /// Why.
        cause: io::Error,
        /// A line break and the kubeconfig's `installHint`, or empty.
        hint: String,
    },
    /// The credential plugin failed or printed no credential.
    #[error("the kubeconfig logs in with {command}, which {why}")]
    Plugin {
        /// The program.
        command: String,
        /// What it did.
        why: String,
    },
}

/// Why the API server can't be reached: the innermost cause, since the outer ones only name layers of the client.
pub fn cause(error: &(dyn Error + 'static)) -> String {
    if chain(error).any(|error| error.is::<AuthError>()) {
        return message(error);
    }
    with_causes(chain(error).last().unwrap_or(error)) // it has none; without the number of the error
}

/// An error and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The message of an error of kube and its causes. Kube's own text of a failed credential plugin
/// contains its environment and its output, so it is replaced.
pub fn message(error: &(dyn Error + 'static)) -> String {
    match chain(error).find_map(|error| error.downcast_ref::<AuthError>()) {
        Some(AuthError::AuthExecRun { out, .. }) => {
            format!("the program that the kubeconfig logs in with failed: {}", out.status)
        }
        Some(AuthError::AuthExecStart(cause)) => {
            format!("the program that the kubeconfig logs in with can't be started: {cause}")
        }
        Some(AuthError::AuthExecParse(_) | AuthError::AuthExec(_)) => {
            "the program that the kubeconfig logs in with printed no credential".to_owned()
        }
        _ => with_causes(error),
    }
}
