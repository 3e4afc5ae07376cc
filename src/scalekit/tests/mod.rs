//! The client against a scripted server: what it sends, and what it makes of
//! every answer a network can give.

mod answers;
mod authentication;
mod fuzz;
pub(crate) mod host;
mod issuer;
pub(crate) mod limited;
mod limits;
mod lookups;
mod network;
mod outages;
mod proxy;
mod rates;
mod secrecy;
pub(crate) mod server;
mod tokens;
mod turns;

use crate::{
    policy::{ExternalId, Minutes, OrganizationId, Policy, Session},
    reconcile::{ErrorKind, RemoteError, RemoteRequest},
};

fn id() -> OrganizationId {
    OrganizationId::parse("org_1").unwrap()
}

fn read_policy() -> RemoteRequest {
    RemoteRequest::ReadPolicy(id())
}

fn read_policy_of(organization: &str) -> RemoteRequest {
    RemoteRequest::ReadPolicy(OrganizationId::parse(organization).unwrap())
}

fn write_policy() -> RemoteRequest {
    let minutes = |n| Minutes::new(n).unwrap();
    let policy = Policy::Custom(Session::new(minutes(480), Some(minutes(60))).unwrap());
    RemoteRequest::WritePolicy { organization: id(), policy }
}

fn look_up(external: &str) -> RemoteRequest {
    RemoteRequest::LookUp(ExternalId::parse(external).unwrap())
}

/// The kind, and whether the write may have been applied.
fn kind_and_outcome(error: &RemoteError) -> (ErrorKind, bool) {
    (error.kind, error.outcome_unknown)
}

/// A policy response.
const INHERITED: &str = r#"{"policy":{"policy_source":"APPLICATION"}}"#;

/// Runs one ignored test of this binary alone, with these variables set: for
/// what a process has only one of. Whether it passed.
async fn alone(test: &str, variables: &[(&str, &str)]) -> bool {
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.env_remove("NO_PROXY").env_remove("no_proxy").envs(variables.iter().copied());
    child.args(["--exact", &format!("scalekit::tests::{test}"), "--ignored"]);
    let output = child.output().await.unwrap();
    // A name that fits no test would pass as well.
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed")
}
