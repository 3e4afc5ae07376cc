//! Rows 30 to 34: the feature `session_policy` of an organization.

use super::{SETTINGS, always, foreign, refuse, says, spec, world_with_faults};
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

/// Declares that `organization` is to inherit.
fn inherit(organization: &str, mode: &str) -> String {
    format!("{{organization: {{id: {organization}}}, policy: {{policySource: APPLICATION}}, mode: {mode}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_inherit_is_in_order_without_the_feature_and_nothing_is_written_for_it() {
    // a server may show such an organization's policy, hide it, or not know the route
    let declared = [
        ("org_1", "Enforce", None),
        ("org_2", "TightenOnly", None),
        ("org_3", "Enforce", Some(400)),
        ("org_4", "Enforce", Some(403)),
        ("org_5", "TightenOnly", Some(404)),
        ("org_6", "Observe", Some(501)),
    ];
    let mut world = World::without_operator(json!({"gate": {"mode": "flag"}})).await;
    let off = json!([{"name": "sso", "enabled": true}, {"name": "session_policy", "enabled": false}]);
    for (organization, _, status) in declared {
        world.admin("PUT", &format!("organizations/{organization}"), &json!({"id": organization, "features": off}));
        let path = format!("/api/v1/organizations/{organization}/session-policy");
        if let Some(status) = status {
            world.inject(&always("GET", &path, refuse(status)));
        }
    }
    world.start_operator();
    let name = |organization: &str| organization.replace('_', "-");
    for (organization, mode, _) in declared {
        world.apply(&name(organization), &inherit(organization, mode));
    }
    for (organization, mode, status) in declared {
        let resource = world.until(&name(organization), "True", "InSync");
        for (type_, expected) in [
            ("Synced", "True InSync"),
            ("FeatureEnabled", "False Disabled"),
            ("Effective", "True AppliesFully"),
            ("Stalled", "absent absent"),
            ("Reconciling", "absent absent"),
        ] {
            assert_eq!(says(&resource, type_), expected, "{organization} {mode} {status:?}");
        }
        assert_eq!(resource["status"]["policy"]["policySource"], "APPLICATION", "{organization} {mode} {status:?}");
        assert!(resource["metadata"]["finalizers"].is_null());
        let reads = format!("method=GET&path=/api/v1/organizations/{organization}/session-policy");
        let before = world.count(&reads);
        eventually("further reads of its policy", 60, || (world.count(&reads) >= before + 3).then_some(()));
    }
    for (organization, ..) in declared {
        world.until(&name(organization), "True", "InSync");
        world.kubectl(&["delete", "osp", &name(organization), "--timeout=60s"]);
    }
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_policy_that_is_shown_without_the_feature_is_taken_away_and_nothing_is_switched_on() {
    let mut world = World::without_operator(json!({"gate": {"mode": "flag"}})).await;
    world.edit("org_1", &json!({"policy": foreign()}));
    world.start_operator();
    world.apply("acme", &inherit("org_1", "Enforce"));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(says(&resource, "FeatureEnabled"), "False Disabled");
    world.until_reconciled(2);
    let sent = ("org_1/session-policy".to_owned(), json!({"policy_source": "APPLICATION"}));
    assert_eq!((world.writes(), is_on(&world)), (vec![sent], false));
}
