//! How the operator is set up, and why it can't start.

use super::credentials::DefaultCredentials;
use crate::scalekit::{self, Rules, SetupError};
use std::time::Duration;
use thiserror::Error;

/// How the operator is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespaces to watch; all, when empty.
    pub namespaces: Vec<String>,
    /// Time between two reconciles where a resource does not say.
    pub resync_interval: Duration,
    /// The longest time between two lists of all resources.
    pub relist_interval: Duration,
    /// The credentials of resources that name no Secret.
    pub default_credentials: DefaultCredentials,
    /// How long a deletion waits for a resource that takes over, before the
    /// policy is set back.
    pub revert_delay: Duration,
    /// A deletion that reverts switches the feature session_policy off too, where
    /// this operator has switched it on.
    pub disable_feature: bool,
    /// How long a deletion waits for a person before the resource goes and its
    /// policy stays.
    pub grace: Duration,
    /// The same in a namespace that is being deleted.
    pub namespace_grace: Duration,
    /// How long what stands before Scalekit may hold a request before it gets
    /// through or is dropped.
    pub gateway_timeout: Duration,
    /// Which environment URLs are acceptable.
    pub rules: Rules,
    /// How requests to Scalekit are made.
    pub scalekit: scalekit::Settings,
}

/// Why the operator can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No HTTPS client.
    #[error("no client for Scalekit: {0}")]
    Transport(#[from] SetupError),
}
