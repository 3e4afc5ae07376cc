//! The options of the operator, and the error if it can't start with them.

use super::credentials::DefaultCredentials;
use crate::scalekit::{self, Rules, SetupError};
use std::time::Duration;
use thiserror::Error;

/// The options of the operator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The namespaces to watch; all if empty.
    pub namespaces: Vec<String>,
    /// The time between two reconciles of a resource without `spec.interval`.
    pub resync_interval: Duration,
    /// The longest time between two lists of all resources.
    pub relist_interval: Duration,
    /// The credentials of resources that name no Secret.
    pub default_credentials: DefaultCredentials,
    /// How long a deletion waits for another resource to take over before it reverts the policy.
    pub revert_delay: Duration,
    /// Whether a deletion that reverts the policy also switches the feature session_policy off, if this
    /// operator has switched it on.
    pub disable_feature: bool,
    /// How long a deletion waits for missing or refused credentials before the resource is released and
    /// its policy stays.
    pub grace: Duration,
    /// `grace` in a namespace that is being deleted.
    pub namespace_grace: Duration,
    /// The longest time after which a gateway before Scalekit forwards a request.
    pub gateway_timeout: Duration,
    /// The lease that the leader of several operators has; `None`: this one leads as long as it runs.
    pub lease: Option<LeaseName>,
    /// Which environment URLs are allowed.
    pub rules: Rules,
    /// The deadline and rate of requests to Scalekit.
    pub scalekit: scalekit::Settings,
}

/// The name of a lease.
#[derive(Debug, Clone)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

/// The operator can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The HTTPS client can't be set up.
    #[error("no client for Scalekit: {0}")]
    Transport(#[from] SetupError),
}
