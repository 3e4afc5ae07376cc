//! Policies delivered by Flux: its own kustomize-controller applies a folder,
//! waits for it, and prunes it. What `docs/flux.md` says is shown here.

mod controller;
pub mod delivery;
mod repository;
mod side_by_side;
mod taking_away;
mod tutorial;
mod waiting;

use crate::{
    cluster::cluster,
    pictures::{blocks, page},
    world::{EIGHT_HOURS, World},
};
use delivery::policy;
use serde_json::{Value, json};

fn org(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// Three customers, each with the eight hours.
fn three() -> [(String, String); 3] {
    [("one", "org_1"), ("two", "org_2"), ("three", "org_3")].map(|(name, id)| policy(name, &org(id, "")))
}

/// 503 for good on the policy of an organization.
fn outage(method: &str, organization: &str) -> Value {
    let path = format!("/api/v1/organizations/{organization}/session-policy");
    json!({"method": method, "path": path, "times": "forever", "fault": {"kind": "refuse", "status": 503}})
}

fn absolute(world: &World, organization: &str) -> Value {
    world.stored(organization)["policy"]["absolute_minutes"].clone()
}

fn source(world: &World, organization: &str) -> Value {
    world.stored(organization)["policy"]["source"].clone()
}

/// Writes to an organization so far.
fn writes(world: &World, organization: &str) -> usize {
    world.writes().iter().filter(|(path, _)| path.starts_with(&format!("{organization}/"))).count()
}

/// The block of `docs/flux.md` that begins like this.
fn documented(begin: &str) -> String {
    let docs = page("docs/flux.md");
    let block = blocks(&docs, "yaml").into_iter().find(|block| block.starts_with(begin));
    block.expect("a block that begins so").to_owned()
}

#[test]
fn what_the_documentation_shows_is_accepted() {
    let namespace = cluster().namespace();
    controller::controller();
    let shown = documented("apiVersion: source").replace("customers", &namespace);
    let (accepted, said) = cluster().with_input(&["apply", "--dry-run=server", "--validate=strict", "-f", "-"], &shown);
    assert!(accepted && said.contains("kustomization") && said.contains("gitrepository"), "{said}");
}
