//! The status as it stands at the API server (rows 73–77).

use super::{ready_world, says, spec};
use crate::{cluster::eventually, world::condition};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn row_073_a_resource_that_goes_in_the_middle_of_a_reconcile_costs_nothing_else() {
    let world = ready_world(", deletionPolicy: Retain").await;
    let slow = json!({"method": "GET", "path": "/api/v1/organizations/org_1/session-policy", "times": "forever",
        "fault": {"kind": "slow_headers", "delay_ms": 1500}});
    for mode in ["Enforce", "Observe"] {
        world.admin("POST", "faults", &slow);
        world.edit("org_1", &json!({"policy": super::foreign()})); // there is something to say
        let before = world.policy_reads();
        eventually("a reconcile hangs", 30, || (world.policy_reads() > before).then_some(()));
        world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
        let writes = world.writes().len();
        world.apply("acme", &spec(&format!(", mode: {mode}, deletionPolicy: Retain")));
        if mode == "Observe" {
            let resource = world.until("acme", "True", "Observing");
            assert_eq!(resource["status"]["observedGeneration"], 1);
            assert_eq!(world.writes().len(), writes, "nothing was written for the one that went");
        }
        world.admin("DELETE", "faults", &Value::Null);
        world.until("acme", "True", if mode == "Observe" { "Observing" } else { "InSync" });
    }
    assert!(!world.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_076_a_status_that_somebody_else_took_over_is_ours_again_and_the_spec_is_never_touched() {
    let world = ready_world("").await;
    let spec_before = world.resource("acme").unwrap()["spec"].clone();
    let lie = json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"name": "acme", "namespace": world.namespace},
        "status": {"environment": "elsewhere", "conditions": [{"type": "Ready", "status": "False", "reason": "Lie",
            "message": "no", "lastTransitionTime": "2020-01-01T00:00:00Z"}]}});
    let apply =
        ["apply", "--server-side", "--force-conflicts", "--subresource=status", "--field-manager=liar", "-f", "-"];
    let (accepted, said) = world.cluster.with_input(&apply, &lie.to_string());
    assert!(accepted, "{said}");
    let resource = eventually("the operator's status is back", 60, || {
        world.resource("acme").filter(|resource| says(resource, "Ready") == "True InSync")
    });
    assert_ne!(resource["status"]["environment"], "elsewhere");
    assert_eq!((resource["spec"].clone(), resource["metadata"]["generation"].clone()), (spec_before, json!(1)));
    let fields = world.kubectl(&["get", "osp", "acme", "-o", "json", "--show-managed-fields"]);
    let fields: Value = serde_json::from_str(&fields).unwrap();
    let ours = fields["metadata"]["managedFields"].as_array().unwrap().iter();
    let mut ours = ours.filter(|entry| entry["manager"] == "session-policy-operator");
    assert!(ours.clone().count() > 0 && ours.all(|entry| entry["fieldsV1"].get("f:spec").is_none()), "{fields:#}");
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_077_a_condition_keeps_its_time_until_its_status_flips() {
    let world = ready_world("").await;
    let before = world.resource("acme").unwrap();
    let time = |resource: &Value, kind: &str| condition(resource, kind).unwrap()["lastTransitionTime"].clone();
    // times have whole seconds: in a later one a flip shows
    let then: jiff::Timestamp = time(&before, "Ready").as_str().unwrap().parse().unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    eventually("a later second", 30, || (jiff::Timestamp::now() >= then + second).then_some(()));
    world.apply("acme", &spec(", suspend: true"));
    world.until("acme", "Unknown", "Suspended");
    world.apply("acme", &spec(""));
    let after = world.until("acme", "True", "InSync");
    for kind in ["Ready", "Effective"] {
        assert_ne!(time(&after, kind), time(&before, kind), "{kind} was Unknown in between");
    }
    assert_eq!(time(&after, "FeatureEnabled"), time(&before, "FeatureEnabled"), "it never flipped");
    let generation = condition(&after, "FeatureEnabled").unwrap()["observedGeneration"].clone();
    assert_eq!(generation, 3, "though it speaks of the new generation");
}
