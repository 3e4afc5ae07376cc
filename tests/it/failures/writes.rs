//! Rows 25 to 29: a policy that was sent, and what became of it.

use super::{POLICY, always, at_rest, forged, journal::message, minutes, once, refuse, spec, world_with_faults};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};

fn written(story: &str) -> String {
    story.chars().filter(|c| "RW".contains(*c)).collect()
}

/// Waits until the first policy was sent.
fn until_sent(world: &World) {
    eventually("a policy that was sent", 30, || (!world.policies("org_1").is_empty()).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_025_a_write_whose_answer_is_lost_is_not_repeated() {
    let world = world_with_faults(&[once("PATCH", POLICY, json!({"kind": "lost_response"}))]).await;
    world.until("acme", "True", "InSync");
    assert!(world.request_sequence("org_1").starts_with("OAOFRWR"), "it is read for before anything else");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_025_a_write_that_got_lost_itself_is_repeated_once() {
    let world = world_with_faults(&[once("PATCH", POLICY, json!({"kind": "lost_request"}))]).await;
    world.until("acme", "True", "InSync");
    assert!(world.request_sequence("org_1").starts_with("OAOFRWRW"), "it is read for before anything else");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 2);
}

const NINETY_MINUTES: &str =
    r#"{"spec":{"policy":{"absoluteSessionTimeout":90,"absoluteSessionTimeoutUnit":"MINUTES"}}}"#;

/// Later than the client waits (2 s), sooner than the operator trusts the
/// silence (4 s).
fn late() -> Value {
    json!({"kind": "late", "after_ms": 3500, "then": "silence"})
}

#[tokio::test(flavor = "multi_thread")]
async fn row_026_a_write_that_lands_after_an_edit_is_corrected() {
    let mut world = World::without_operator(json!({})).await;
    world.inject(&once("PATCH", POLICY, late()));
    world.start_operator();
    // no reconcile of its own comes between
    world.apply("acme", &spec(", interval: 1h"));
    world.apply("neighbour", &super::organization("org_2", ""));
    until_sent(&world);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", NINETY_MINUTES]);
    world.until("acme", "True", "InSync");
    world.until_organization_reconciled("org_2", 3);
    let stored = || world.stored("org_1")["policy"]["absolute_minutes"].clone();
    eventually("the edit", 30, || (stored() == 90).then_some(()));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["status"]["policy"]["absoluteSessionTimeout"], 90);
    let sent = world.policies("org_1");
    let old = sent.iter().filter(|body| body["absolute_session_timeout"] == 480).count();
    assert!(old <= 2 && sent.len() <= old + 2, "{sent:?}");
    assert!(sent[old..].iter().all(|body| body["absolute_session_timeout"] == 90), "never the old one again: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_026_a_write_that_lands_after_a_revert_is_reverted_too_before_the_resource_goes() {
    let world = world_with_faults(&[once("PATCH", POLICY, late())]).await;
    world.apply("neighbour", &super::organization("org_2", ""));
    until_sent(&world);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "nothing was still on its way");
    let sent = world.policies("org_1");
    let reverts = sent.iter().filter(|body| **body == json!({"policy_source": "APPLICATION"})).count();
    assert!((1..=2).contains(&reverts) && sent.len() <= 2 + reverts, "{sent:?}");
    world.until_event("Reverted", "Normal");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_027_while_reads_are_behind_the_echo_counts_and_each_reconcile_writes_at_most_once() {
    let mut world = World::without_operator(json!({"lag": {"reads": 1000}})).await;
    world.start_operator();
    world.apply("acme", &spec(", interval: 1h"));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["status"]["policy"]["absoluteSessionTimeout"], 480);
    assert_eq!(world.stored("org_1")["policy_behind"], true);
    world.reconcile_now("acme", "behind");
    world.until("acme", "True", "InSync");
    let story = world.request_sequence("org_1");
    // the organization is read twice where its features are written
    let reconciles: Vec<&str> = story.split('O').filter(|one| one.contains(['F', 'W'])).collect();
    assert!((2..=4).contains(&reconciles.len()), "no hot loop: {story}");
    let writes_once = |one: &&str| one.matches('F').count() == 1 && one.matches('W').count() == 1;
    assert!(reconciles.iter().all(writes_once), "{story}");
    let sent = world.policies("org_1");
    assert!(sent.iter().all(|body| *body == sent[0]), "always the same: {sent:?}");
    world.admin("PATCH", "settings", &json!({"lag": {"reads": 0}}));
    let stored = world.stored("org_1");
    world.edit("org_1", &json!({"features": stored["features"], "policy": stored["policy"]}));
    let writes = world.writes().len();
    world.reconcile_now("acme", "caught-up");
    world.until("acme", "True", "InSync");
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_028_a_policy_that_is_not_kept_is_given_up_after_two_tries() {
    for (setting, field, live) in [
        (json!({"max_absolute_minutes": 240}), "absoluteSessionTimeout", "4h"),
        (json!({"drop_idle": true}), "idleSessionTimeoutEnabled", "false"),
    ] {
        let mut world = World::without_operator(json!({"policy": setting})).await;
        world.start_operator();
        world.apply("acme", &spec(""));
        world.apply("neighbour", &super::organization("org_2", ", mode: Observe"));
        let resource = world.until("acme", "False", "NotApplied");
        assert!(condition(&resource, "Stalled").is_some());
        assert_eq!(condition(&resource, "Synced").unwrap()["status"], "False");
        let drift = resource["status"]["drift"].as_array().unwrap();
        let named = drift.iter().find(|entry| entry["field"] == field);
        assert_eq!(named.unwrap()["live"], live, "{drift:?}");
        world.until_organization_reconciled("org_2", 3);
        assert_eq!(world.policies("org_1").len(), 2);
        assert_eq!(written(&world.request_sequence("org_1")), "RWRWR", "each try is checked by reading");
        world.until_event("NotApplied", "Warning");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_029_a_declined_policy_is_named_with_the_servers_code_and_not_sent_again() {
    // what the application allows can't be read, so the server is the first to see what is wrong
    let mut world = World::without_operator(json!({"application": {"answer": "forbidden"}})).await;
    world.start_operator();
    let chain = "policy: {policySource: CUSTOM, absoluteSessionTimeout: 60, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: true, \
                 idleSessionTimeout: 4, idleSessionTimeoutUnit: MINUTES}";
    world.apply("acme", &format!("{{organization: {{id: org_1}}, {chain}}}"));
    world.apply("neighbour", &super::organization("org_2", ""));
    let resource = world.until("acme", "False", "RejectedByApi");
    assert!(condition(&resource, "Stalled").is_some());
    let said = message(&resource, "Ready");
    assert!(said.contains("HTTP 400 INVALID_ARGUMENT") && said.contains("idle_session_timeout"), "{said}");
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.policies("org_1").len(), 1);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    world.until_event("RejectedByApi", "Warning");
    world.apply("acme", &minutes(90));
    world.until("acme", "True", "InSync");
    assert_eq!(world.policies("org_1").len(), 2, "an edit is tried at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_029_a_refusal_of_any_kind_ends_the_reconcile() {
    let world = at_rest(&[always("PATCH", POLICY, refuse(400))]).await;
    world.apply("acme", &minutes(90));
    world.until("acme", "False", "RejectedByApi");
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.policies("org_1").len(), 2, "the first one, and the one that was declined");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_019_an_echo_that_says_nothing_is_followed_by_a_read_and_no_second_write() {
    for body in [json!({}), json!({"policy": null})] {
        let world = world_with_faults(&[once("PATCH", POLICY, forged(&body))]).await;
        world.until("acme", "True", "InSync");
        assert!(world.request_sequence("org_1").starts_with("OAOFRWR"), "{body}");
        assert_eq!(world.policies("org_1").len(), 1, "{body}");
    }
}
