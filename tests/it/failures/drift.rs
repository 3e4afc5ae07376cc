//! What others change at Scalekit while a resource stands (rows 35–37), and
//! what the application's policy makes of a declared one.

use super::{eight_hours, foreign, journal::message, organization, ready_world, says, spec};
use crate::{cluster::eventually, world::World};
use serde_json::json;

fn application_reads(world: &World) -> u64 {
    world.count("method=GET&path=/api/v1/organizations/*/application-session-policy")
}

#[tokio::test(flavor = "multi_thread")]
async fn row_035_drift_is_written_back_once_and_reported_with_both_values() {
    let world = ready_world("").await;
    world.edit("org_1", &json!({"policy": foreign()}));
    eventually("the repair", 30, || (world.stored("org_1")["policy"] == eight_hours()).then_some(()));
    world.until("acme", "True", "InSync");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 2);
    let event = world.until_event("DriftCorrected", "Warning");
    let corrected = event["note"].as_str().unwrap();
    assert!(corrected.contains("was absolute 30d") && corrected.contains("is absolute 8h, idle 1h"), "{corrected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_035_a_stricter_policy_that_others_keep_setting_is_given_way_to() {
    let stricter = || json!({"source": "CUSTOM", "absolute_minutes": 60, "idle_enabled": true, "idle_minutes": 30});
    let world = ready_world("").await;
    for round in 1..5 {
        world.edit("org_1", &json!({"policy": stricter()}));
        eventually("the repair", 30, || (world.policies("org_1").len() == 1 + round).then_some(()));
        world.until("acme", "True", "InSync");
    }
    world.edit("org_1", &json!({"policy": stricter()}));
    let resource = world.until("acme", "False", "Contended");
    assert_eq!(
        (says(&resource, "Stalled"), says(&resource, "Synced")),
        ("True Contended".into(), "False DriftDetected".into())
    );
    assert!(message(&resource, "Ready").contains("once an hour"));
    world.until_reconciled(3);
    assert_eq!((world.policies("org_1").len(), &world.stored("org_1")["policy"]), (5, &stricter()), "it gave way");
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}}");
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 90, "an edit is tried at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_113_a_looser_policy_never_stays_however_often_it_is_set() {
    for mode in ["", ", mode: TightenOnly"] {
        let world = ready_world(mode).await;
        for round in 1..10 {
            world.edit("org_1", &json!({"policy": foreign()}));
            eventually("the correction", 30, || (world.policies("org_1").len() == 1 + round).then_some(()));
            assert_eq!(world.stored("org_1")["policy"], eight_hours());
        }
        world.until("acme", "True", "InSync");
        let contended = || world.resource("acme").is_some_and(|r| says(&r, "Contended") == "True Contended");
        eventually("it is said beside", 10, || contended().then_some(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_036_a_stricter_application_is_named_and_ready_means_stored() {
    let mut world = World::without_operator(json!({"application": {"absolute": 2, "absolute_unit": "HOURS"}})).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
    assert_eq!(says(&resource, "Effective"), "False LooserThanApplication");
    let ran = message(&resource, "Effective");
    assert!(ran.contains("absolute 8h is looser than the application's 2h: it has no effect"), "{ran}");
    let effective = &resource["status"]["effectivePolicy"];
    assert_eq!(effective["absoluteSessionTimeout"], json!({"minutes": 120, "from": "application"}));
    assert_eq!(effective["idleSessionTimeout"], json!({"minutes": 60, "from": "organization"}));
    assert_eq!(resource["status"]["applicationPolicy"]["absoluteSessionTimeout"], 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_037_what_only_the_application_limits_is_reported_as_its_own() {
    let settings = json!({"application": {"idle_enabled": true, "idle": 30, "absolute": 30, "absolute_unit": "DAYS"}});
    let mut world = World::without_operator(settings).await;
    world.start_operator();
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 480, absoluteSessionTimeoutUnit: MINUTES}}");
    let resource = world.until("acme", "True", "InSync");
    let effective = &resource["status"]["effectivePolicy"];
    assert_eq!(effective["absoluteSessionTimeout"], json!({"minutes": 480, "from": "organization"}));
    assert_eq!(effective["idleSessionTimeout"], json!({"minutes": 30, "from": "application"}));
    assert_eq!(effective["summary"], "8h (organization) / 30m (application)");
    assert_eq!(world.stored("org_1")["policy"]["idle_enabled"], false, "what is effective is never written");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_036_a_change_of_the_application_is_seen_once_for_all_and_writes_nothing() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--resync-interval", "10s"];
    world.start_operator();
    let intervals = [("one", "org_1", "1h"), ("two", "org_2", "1h"), ("clock", "org_3", "30s")];
    for (name, id, interval) in intervals {
        world.apply(name, &organization(id, &format!(", interval: {interval}")));
    }
    let all = |wanted: &str| {
        let says = |name: &str| world.resource(name).is_some_and(|resource| says(&resource, "Effective") == wanted);
        intervals.iter().all(|(name, ..)| says(name))
    };
    eventually("all in effect", 60, || all("True AppliesFully").then_some(()));
    let (writes, reads) = (world.writes().len(), application_reads(&world));
    assert!(reads <= 2, "one answer serves all organizations: {reads}");
    world.admin("PATCH", "settings", &json!({"application": {"absolute": 2, "absolute_unit": "HOURS"}}));
    eventually("all know, though two of them are not due for an hour", 75, || {
        all("False LooserThanApplication").then_some(())
    });
    assert_eq!(world.writes().len(), writes);
}
