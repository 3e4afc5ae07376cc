//! A policy that moves from one resource to another: renamed, or to another
//! namespace, in either order (rows 117, 124). In between nobody's sessions may
//! get the application's longer limits.

use super::{
    eight_hours, says, spec,
    tenants::{BY_SECRET, REAL, ninety, two_tenants},
};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};

const HOLD: &str = "example.com/hold";

async fn with_delay(delay: &'static str) -> World {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--revert-delay", delay];
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    world
}

/// Asks for the deletion and waits until the status says what it waits for.
fn delete_and_wait(world: &World, name: &str) -> Value {
    world.kubectl(&["delete", "osp", name, "--wait=false"]);
    eventually("the announced time", 60, || {
        world.resource(name).filter(|resource| !resource["status"]["release"]["at"].is_null())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_a_deletion_reverts_at_the_announced_time_and_not_before() {
    let world = with_delay("3s").await;
    let held = delete_and_wait(&world, "acme");
    assert_eq!(says(&held, "Ready"), "False Deleting");
    let at = held["status"]["release"]["at"].as_str().unwrap();
    assert!(condition(&held, "Ready").unwrap()["message"].as_str().unwrap().contains(at));
    let event = world.until_event("Deleting", "Normal");
    assert!(event["note"].as_str().unwrap().contains(at), "{event:#}");
    world.until_gone("acme");
    let journal = world.admin("GET", "journal?method=PATCH", &Value::Null);
    let revert = journal.as_array().unwrap().last().unwrap();
    assert_eq!(revert["body"], json!({"policy_source": "APPLICATION"}));
    let time = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time(&revert["at"]) >= time(&held["status"]["release"]["at"]), "{revert} before {at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_a_resource_renamed_in_git_keeps_the_organization_out_of_the_default() {
    let mut world = with_delay("10s").await;
    let held = delete_and_wait(&world, "acme");
    world.kill_operator();
    world.start_operator();
    let again = world.resource("acme").unwrap();
    assert_eq!(again["status"]["release"]["at"], held["status"]["release"]["at"], "a restart announces nothing new");
    world.apply("acme-renamed", &spec(""));
    world.until("acme-renamed", "True", "InSync");
    world.until_gone("acme");
    world.until_reconciled(2);
    assert!(!world.was_reverted("org_1"));
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_the_new_one_first_and_then_the_old_one_pruned_hands_over() {
    let mut world = with_delay("10s").await;
    world.apply_younger("acme-renamed", &ninety("id: org_1").replace(BY_SECRET, ""), (&world, "acme"));
    world.until("acme-renamed", "False", "Conflict");
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.kill_operator();
    world.start_operator();
    world.until("acme-renamed", "True", "InSync");
    world.until_gone("acme");
    world.until_event("HandedOver", "Normal");
    assert!(!world.was_reverted("org_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_a_move_to_a_namespace_whose_secret_comes_later_never_passes_through_the_default() {
    let (mut owner, other) = two_tenants(&["--revert-delay", "30s"]).await;
    owner.apply("acme", &spec(BY_SECRET));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    delete_and_wait(&owner, "acme");
    owner.kubectl(&["delete", "secret", "scalekit"]);
    other.apply("acme", &spec(BY_SECRET));
    other.until("acme", "False", "CredentialsMissing");
    other.credentials(&owner.simulator.base_url(), REAL);
    other.until("acme", "True", "InSync");
    assert!(!owner.was_reverted("org_1"));
    assert_eq!(owner.stored("org_1")["policy"], eight_hours());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_suspended_successors_do_not_count_until_they_are_resumed() {
    let world = with_delay("30s").await;
    let suspended = spec(", suspend: true");
    world.apply_younger("acme-renamed", &suspended, (&world, "acme"));
    world.until("acme-renamed", "Unknown", "Suspended");
    delete_and_wait(&world, "acme");
    world.kubectl(&["patch", "osp", "acme-renamed", "--type=merge", "-p", r#"{"spec":{"suspend":false}}"#]);
    world.until("acme-renamed", "True", "InSync");
    world.until_gone("acme");
    assert!(!world.was_reverted("org_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_a_successor_that_is_suspended_before_its_policy_is_live_is_not_waited_for() {
    let mut world = with_delay("1s").await;
    world.apply_younger("next", &ninety("id: org_1").replace(BY_SECRET, ""), (&world, "acme"));
    world.until("next", "False", "Conflict");
    world.inject(&super::always("PATCH", super::POLICY, super::refuse(503)));
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.until("acme", "False", "HandingOver");
    world.kill_operator();
    world.kubectl(&["patch", "osp", "next", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    world.clear_faults();
    world.start_operator();
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    assert!(world.events("HandedOver").is_empty());
    world.kubectl(&["patch", "osp", "next", "--type=merge", "-p", r#"{"spec":{"suspend":false}}"#]);
    world.until("next", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_117_a_forced_replacement_is_a_deletion_and_the_new_one_is_applied_after_it() {
    let world = with_delay("1s").await;
    let old = world.resource("acme").unwrap()["metadata"]["uid"].clone();
    let manifest = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"name": "acme", "namespace": world.namespace},
        "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 90, "absoluteSessionTimeoutUnit": "MINUTES"}}});
    let (accepted, said) = world.with_input(&["replace", "--force", "-f", "-"], &manifest.to_string());
    assert!(accepted, "{said}");
    let new = world.until("acme", "True", "InSync");
    assert_ne!(new["metadata"]["uid"], old);
    assert!(world.was_reverted("org_1"));
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_124_what_is_released_and_held_by_others_claims_nothing_and_its_status_is_true() {
    let mut world = with_delay("0s").await;
    let finalizers = json!({"metadata": {"finalizers": [HOLD, "scalekit.com/session-policy"]}}).to_string();
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", &finalizers]);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    eventually("it is released", 60, || {
        (world.resource("acme")?["metadata"]["finalizers"] == json!([HOLD])).then_some(())
    });
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    let released = eventually("a status without a claim", 60, || {
        world.resource("acme").filter(|resource| resource["status"]["claim"].is_null())
    });
    assert_eq!(condition(&released, "Ready").unwrap()["status"], "False", "{released:#}");
    assert_eq!(released["status"]["policy"]["policySource"], "APPLICATION", "{released:#}");
    world.apply("next", &spec(""));
    world.until("next", "True", "InSync");
    world.kill_operator();
    world.start_operator();
    world.until_reconciled(2);
    let acme = world.resource("acme").unwrap();
    let ready = condition(&acme, "Ready").unwrap();
    assert_eq!(ready["status"], "False", "{acme:#}");
    assert!(ready["message"].as_str().unwrap().contains("finalizers of others"), "{acme:#}");
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    world.until_gone("acme");
    world.until_reconciled(2);
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_124_what_others_hold_after_a_handover_is_not_ready_any_more() {
    let world = with_delay("10s").await;
    let finalizers = json!({"metadata": {"finalizers": [HOLD, "scalekit.com/session-policy"]}}).to_string();
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", &finalizers]);
    world.apply_younger("next", &ninety("id: org_1").replace(BY_SECRET, ""), (&world, "acme"));
    world.until("next", "False", "Conflict");
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.until("next", "True", "InSync");
    let released = eventually("it is released, and its status says so", 60, || {
        let acme = world.resource("acme")?;
        (acme["metadata"]["finalizers"] == json!([HOLD]) && acme["status"]["claim"].is_null()).then_some(acme)
    });
    assert_eq!(condition(&released, "Ready").unwrap()["status"], "False", "{released:#}");
    assert!(!world.was_reverted("org_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_puts_back_the_policy_that_the_organization_had_before() {
    let mut world = World::without_operator(json!({})).await;
    world.edit("org_1", &json!({"policy": foreign_two_hours()}));
    let (accepted, said) = world.try_apply("wrong", &spec(", deletionPolicy: Undo"));
    assert!(!accepted && said.contains("Restore"), "{said}");
    world.start_operator();
    world.apply("acme", &spec(", deletionPolicy: Restore"));
    let ready = world.until("acme", "True", "InSync");
    assert_eq!(ready["status"]["adopted"]["policySource"], "CUSTOM", "{ready:#}");
    world.kill_operator();
    world.start_operator();
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"], foreign_two_hours());
    world.until_event("Restored", "Normal");
}

fn foreign_two_hours() -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": 120, "idle_enabled": true, "idle_minutes": 15})
}
