//! The resource as people meet it with kubectl, on the real API server and
//! with the real operator.

mod following;
mod preview;
mod reading;
mod rest;

use crate::world::{EIGHT_HOURS, World};

/// A spec with the eight-hour policy.
fn org(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// A spec with a policy of so many minutes.
fn minutes(id: &str, minutes: u32) -> String {
    format!(
        "{{organization: {{id: {id}}}, policy: {{policySource: CUSTOM, absoluteSessionTimeout: {minutes}, absoluteSessionTimeoutUnit: MINUTES}}}}"
    )
}

/// A manifest of this world's namespace.
fn manifest(world: &World, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n\
         metadata: {{name: {name}, namespace: {}}}\nspec: {spec}\n",
        world.namespace
    )
}
