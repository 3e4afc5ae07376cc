//! Rows 30 to 34: the feature `session_policy` of an organization.

use super::{SETTINGS, always, refuse, spec, world_with_faults};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};

async fn world(settings: Value) -> World {
    let mut world = World::without_operator(settings).await;
    world.start_operator();
    world
}

/// The features as they are, by name.
fn features(world: &World) -> Vec<(String, bool)> {
    let stored = world.stored("org_1");
    let pair = |f: &Value| (f["name"].as_str().unwrap().to_owned(), f["enabled"].as_bool().unwrap());
    let mut all: Vec<(String, bool)> = stored["features"].as_array().unwrap().iter().map(pair).collect();
    all.sort();
    all
}

fn is_on(world: &World) -> bool {
    features(world).contains(&("session_policy".into(), true))
}

#[tokio::test(flavor = "multi_thread")]
async fn row_030_the_feature_is_switched_on_before_the_policy_is_written() {
    let world = world(json!({"gate": {"mode": "flag"}})).await;
    world.apply("acme", &spec(""));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "True");
    let story = world.request_sequence("org_1").replace('A', "");
    assert!(story.starts_with("OOFRW") && !story[5..].contains(['F', 'W']), "{story}");
    assert_eq!(world.count("status=403"), 0);
    world.until_event("FeatureEnabled", "Normal");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_031_a_feature_that_is_forbidden_stops_before_the_policy() {
    let world = world(json!({"gate": {"mode": "environment", "status": 403}})).await;
    world.apply("acme", &spec(""));
    world.apply("neighbour", &super::organization("org_2", ", mode: Observe"));
    let resource = world.until("acme", "False", "FeatureUnavailable");
    assert!(condition(&resource, "Stalled").is_some());
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "False");
    world.until_organization_reconciled("org_2", 3);
    assert_eq!((world.flags("org_1").len(), world.policies("org_1").len()), (1, 0));
    world.until_event("FeatureUnavailable", "Warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_031_a_feature_that_is_declined_is_asked_for_once_in_each_way() {
    let world = world_with_faults(&[always("PATCH", SETTINGS, refuse(400))]).await;
    world.apply("neighbour", &super::organization("org_2", ""));
    let resource = world.until("acme", "False", "FeatureUnavailable");
    assert!(condition(&resource, "Stalled").is_some());
    world.until_organization_reconciled("org_2", 3);
    let sent: Vec<Value> = world.flags("org_1").into_iter().map(|body| body["features"].clone()).collect();
    let (on, sso) = (json!({"name": "session_policy", "enabled": true}), json!({"name": "sso", "enabled": true}));
    let complete = json!([sso, {"name": "dir_sync", "enabled": false}, on]);
    assert_eq!(sent, [complete, json!([sso, on]), json!([on])]);
    assert_eq!(world.policies("org_1"), [] as [Value; 0]);
    assert!(!is_on(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_032_a_feature_that_stays_off_is_given_up_after_two_tries() {
    let world = world(json!({"features": {"stuck_off": ["session_policy"]}})).await;
    world.apply("acme", &spec(""));
    world.apply("neighbour", &super::organization("org_2", ", mode: Observe"));
    let resource = world.until("acme", "False", "FeatureNotEnabled");
    assert!(condition(&resource, "Stalled").is_some());
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "False");
    world.until_organization_reconciled("org_2", 3);
    assert_eq!(world.request_sequence("org_1").replace('A', ""), "OOFOFO", "each try is checked by reading");
    world.until_event("FeatureNotEnabled", "Warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_033_other_features_stay_as_they_are_whether_the_list_is_merged_or_replaced() {
    for patch in ["merge", "replace"] {
        let world = world(json!({"features": {"patch": patch, "unknown": "accept"}})).await;
        let before = [("sso", true), ("dir_sync", false), ("domain_verification", true), ("brand_new", true)];
        let list: Vec<Value> = before.iter().map(|(name, on)| json!({"name": name, "enabled": on})).collect();
        world.edit("org_1", &json!({"features": list}));
        world.apply("acme", &spec(""));
        world.until("acme", "True", "InSync");
        let mut expected: Vec<(String, bool)> = before.iter().map(|(name, on)| ((*name).into(), *on)).collect();
        expected.push(("session_policy".into(), true));
        expected.sort();
        assert_eq!(features(&world), expected, "{patch}");
        let sent = world.flags("org_1");
        assert_eq!((sent.len(), sent[0]["features"].as_array().unwrap().len()), (1, 5), "{patch}");
        assert_eq!(world.events("FeaturesChanged"), [] as [Value; 0], "{patch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_034_a_feature_switched_off_by_somebody_is_switched_on_again() {
    let world = world(json!({})).await;
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    world.edit("org_1", &json!({"features": [{"name": "sso", "enabled": true}]}));
    eventually("the feature", 30, || is_on(&world).then_some(()));
    world.until("acme", "True", "InSync");
    world.until_reconciled(2);
    assert_eq!((world.flags("org_1").len(), world.policies("org_1").len()), (2, 1));
    assert_eq!(features(&world), [("session_policy".to_owned(), true), ("sso".to_owned(), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_034_a_feature_that_is_off_is_only_reported_by_who_observes() {
    let world = world(json!({})).await;
    let on = json!([{"name": "session_policy", "enabled": true}]);
    let policy = json!({"source": "CUSTOM", "absolute_minutes": 480, "idle_enabled": true, "idle_minutes": 60});
    world.edit("org_1", &json!({"features": on, "policy": policy}));
    world.apply("acme", &spec(", mode: Observe"));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["status"], "True");
    world.edit("org_1", &json!({"features": []}));
    let feature = || condition(&world.resource("acme")?, "FeatureEnabled").cloned();
    eventually("a report", 30, || feature().filter(|c| c["status"] == "False" && c["reason"] == "Disabled"));
    world.until_reconciled(2);
    world.until("acme", "True", "InSync");
    assert_eq!(world.writes(), []);
    assert!(!is_on(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_030_a_server_that_never_reports_its_features_is_asked_once_and_the_policy_is_kept() {
    for gate in ["none", "flag"] {
        let settings = json!({"emission": {"settings": "never"}, "gate": {"mode": gate}});
        let mut world = World::without_operator(settings).await;
        world.start_operator();
        world.apply("acme", &spec(""));
        let resource = world.until("acme", "True", "InSync");
        assert_eq!(condition(&resource, "FeatureEnabled").unwrap()["reason"], "FeatureStateUnknown");
        assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
        world.until_organization_reconciled("org_1", 4);
        assert_eq!(
            world.request_sequence("org_1").matches(['F', 'W']).count(),
            2,
            "{}",
            world.request_sequence("org_1")
        );
        world.until("acme", "True", "InSync");
        world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    }
}
