//! The errors of the verbs, each with what the user can do about it.

use crate::{
    apiserver::{self, ConfigError},
    crd::NOT_A_LABEL,
};
use std::{io, time::Duration};
use thiserror::Error;

/// The name that kubectl prints for the resource.
const RESOURCE: &str = "organizationsessionpolicies.scalekit.com";

/// The error of a verb. Its text goes to stderr after `error: `.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("no cluster to talk to: {0}")]
    NoCluster(#[from] ConfigError),
    #[error("there can be no namespace {0:?}: a namespace {NOT_A_LABEL}")]
    NoNamespace(String),
    #[error("{0}")]
    Login(String),
    #[error("the API server at {server} can't be reached: {cause}")]
    Unreachable { server: String, cause: String },
    #[error("the API server at {server} did not answer within {} s", .waited.as_secs_f64())]
    TimedOut { server: String, waited: Duration },
    #[error("the API server at {server} does not know you; log in again, or name another context with --context")]
    Unauthorized { server: String },
    #[error("you may not {verb} {RESOURCE} {place}; docs/kubectl-osp.md has the role that allows it")]
    Forbidden { verb: &'static str, place: String },
    #[error("this cluster does not know {RESOURCE}; install it with: kubectl apply -f crds/")]
    NotInstalled,
    #[error("there is no {name} in namespace {namespace}{}", hint(.similar))]
    NotFound { name: String, namespace: String, similar: Vec<String> },
    #[error("{name} can't be read by this version: {cause}")]
    Unreadable { name: String, cause: String },
    #[error("{name} is not valid, so nothing is written: {cause}")]
    Invalid { name: String, cause: String },
    #[error("the API server refused: {0}")]
    Refused(String),
    #[error("the live policy of {name} has not been read yet ({why}); `{explain}` says more")]
    NotReconciled { name: String, why: String, explain: String },
    #[error("the log {file} can't be read: {cause}")]
    Log { file: String, cause: io::Error },
    #[error("the operator did not reconcile {name} within {} s; is it running, and does it watch this namespace?", .waited.as_secs())]
    NotHandled { name: String, waited: Duration },
}

fn hint(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        similar => format!("; there is {}", similar.join(", ")),
    }
}

impl Failure {
    /// Converts an error of kube. `verb` and `place` describe the request, for the message about missing
    /// rights.
    pub(super) fn of(error: kube::Error, server: &str, verb: &'static str, place: &str) -> Self {
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) => match status.code {
                401 => Self::Unauthorized { server },
                403 => Self::Forbidden { verb, place: place.to_owned() },
                // a 404 without details means that the API server does not know the kind
                404 if status.details.is_none() => Self::NotInstalled,
                _ => Self::Refused(status.message.split_whitespace().collect::<Vec<_>>().join(" ")),
            },
            kube::Error::Auth(cause) => Self::Login(apiserver::message(&cause)),
            other => Self::Unreachable { server, cause: apiserver::cause(&other) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_reported_with_what_is_there() {
        let failure = |similar: &[&str]| Failure::NotFound {
            name: "acne".into(),
            namespace: "customers".into(),
            similar: similar.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(failure(&[]).to_string(), "there is no acne in namespace customers");
        assert_eq!(failure(&["acme"]).to_string(), "there is no acne in namespace customers; there is acme");
    }
}
