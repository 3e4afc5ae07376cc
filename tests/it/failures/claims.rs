//! Several resources, one organization (rows 45–51): always the same owner, and
//! nobody else writes.

use super::{eight_hours, journal::message, says, spec};
use crate::{
    cluster::{cluster, eventually},
    world::{World, default_credentials},
};
use serde_json::{Value, json};

const NINETY: &str = "policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}";

fn by_external_id(rest: &str) -> String {
    format!("{{organization: {{externalId: tenant-1}}, {rest}}}")
}

fn older_and_younger(world: &World, older: &str, younger: &str) {
    world.apply("older", older);
    world.apply_younger("younger", younger, (world, "older"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_045_of_two_by_id_the_older_owns_and_the_younger_writes_nothing() {
    let mut world = World::without_operator(json!({})).await;
    older_and_younger(&world, &spec(""), &format!("{{organization: {{id: org_1}}, {NINETY}}}"));
    world.start_operator();
    world.until("older", "True", "InSync");
    let conflicted = world.until("younger", "False", "Conflict");
    assert_eq!(
        (says(&conflicted, "Stalled"), says(&conflicted, "Reconciling")),
        ("True Conflict".into(), "absent absent".into())
    );
    assert!(
        message(&conflicted, "Ready").contains("the resource older has the earlier claim"),
        "named inside its own namespace"
    );
    assert!(conflicted["metadata"]["finalizers"].is_null());
    world.until_reconciled(3);
    assert_eq!(world.policies("org_1").len(), 1);
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_045_an_owner_elsewhere_is_not_named_and_a_restart_changes_nothing() {
    let scalekit = World::scalekit(json!({})).await;
    let owner = World::on(cluster(), scalekit.clone());
    let mut conflicted = World::on(cluster(), scalekit);
    let namespaces: &'static str = owner.namespace.clone().leak();
    conflicted.arguments = vec!["--watch-namespace", namespaces];
    owner.apply("the-owner", &spec(""));
    conflicted.apply_younger("acme", &format!("{{organization: {{id: org_1}}, {NINETY}}}"), (&owner, "the-owner"));
    conflicted.start_operator();
    for _ in 0..2 {
        owner.until("the-owner", "True", "InSync");
        let resource = conflicted.until("acme", "False", "Conflict");
        assert!(message(&resource, "Ready").contains("another namespace"));
        assert!(!resource.to_string().contains("the-owner"));
        conflicted.until_reconciled(2);
        assert_eq!(conflicted.policies("org_1").len(), 1);
        conflicted.kill_operator();
        conflicted.start_operator();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_046_an_id_and_an_external_id_of_one_organization_are_one_claim() {
    let mut world = World::without_operator(json!({})).await;
    older_and_younger(&world, &by_external_id(NINETY), &spec(""));
    world.start_operator();
    let owner = world.until("older", "True", "InSync");
    assert_eq!(owner["status"]["organizationId"], "org_1");
    world.until("younger", "False", "Conflict");
    world.until_reconciled(2);
    assert_eq!(world.policies("org_1").len(), 1);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_046_two_secrets_that_lead_to_one_environment_are_one_claim() {
    let mut world = World::without_operator(json!({})).await;
    world.apply_secret("first", "test_simulator");
    world.apply_secret("second", "test_simulator");
    older_and_younger(
        &world,
        &spec(", credentialsSecretRef: {name: first}"),
        &spec(", credentialsSecretRef: {name: second}"),
    );
    world.start_with(&[]);
    world.until("older", "True", "InSync");
    world.until("younger", "False", "Conflict");
    assert_eq!(world.policies("org_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_046_the_same_id_in_another_environment_is_no_claimant() {
    let other = World::scalekit(json!({})).await;
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &spec(""));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "elsewhere"},
        "stringData": default_credentials(&other.base_url()).into_iter().collect::<std::collections::BTreeMap<_, _>>()});
    let (accepted, said) = cluster().with_input(&["-n", &world.namespace, "apply", "-f", "-"], &secret.to_string());
    assert!(accepted, "{said}");
    world.apply("twin", &spec(", credentialsSecretRef: {name: elsewhere}"));
    world.start_operator();
    world.until("acme", "True", "InSync");
    world.until("twin", "True", "InSync");
    let (_, count) = other.admin("GET", "/_simulator/journal/count?method=PATCH", &Value::Null);
    assert_eq!((world.writes().len(), &count["count"]), (2, &json!(2)), "each in its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_047_the_younger_takes_over_without_a_revert_in_between() {
    let mut world = World::without_operator(json!({})).await;
    older_and_younger(&world, &spec(""), &by_external_id(NINETY));
    world.start_operator();
    world.until("older", "True", "InSync");
    world.until("younger", "False", "Conflict");
    world.kubectl(&["delete", "osp", "older", "--timeout=60s"]);
    let successor = world.until("younger", "True", "InSync");
    assert!(!successor["metadata"]["finalizers"].is_null());
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 90);
    let sources: Vec<_> = world.policies("org_1").iter().map(|body| body["policy_source"].clone()).collect();
    assert_eq!(sources, ["CUSTOM", "CUSTOM"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_047_a_suspended_owner_still_owns_and_a_suspended_successor_takes_nothing_over() {
    let mut world = World::without_operator(json!({})).await;
    older_and_younger(&world, &spec(""), &by_external_id(NINETY));
    world.start_operator();
    world.until("older", "True", "InSync");
    world.kubectl(&["patch", "osp", "older", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    world.until("older", "Unknown", "Suspended");
    world.kubectl(&["annotate", "osp", "younger", "reconcile.fluxcd.io/requestedAt=1"]);
    eventually("a reconcile of the younger", 30, || {
        (world.resource("younger")?["status"]["lastHandledReconcileAt"] == "1").then_some(())
    });
    world.until("younger", "False", "Conflict");
    assert_eq!(world.policies("org_1").len(), 1);
    world.kubectl(&["patch", "osp", "younger", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    world.until("younger", "Unknown", "Suspended");
    world.kubectl(&["delete", "osp", "older", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "nobody would have kept it");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_049_an_external_id_that_leads_elsewhere_stops_and_the_first_organization_is_reverted() {
    let world = World::new().await;
    world.apply("acme", &by_external_id(NINETY));
    world.until("acme", "True", "InSync");
    world.edit("org_2", &json!({"external_id": "tenant-1"}));
    let resource = world.until("acme", "False", "OrganizationChanged");
    assert_eq!(says(&resource, "Stalled"), "True OrganizationChanged");
    let ran = message(&resource, "Ready");
    assert!(ran.contains("was org_1, is org_2"), "{ran}");
    assert_eq!(resource["status"]["organizationId"], "org_1", "a pin is moved by a person");
    world.until_reconciled(0);
    assert_eq!((world.policies("org_1").len(), &world.stored("org_2")["policy"]["source"]), (1, &json!("APPLICATION")));
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
    let reverted: Vec<String> = world.writes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(reverted, ["org_1/settings", "org_1/session-policy", "org_1/session-policy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_050_a_lookup_never_names_an_id_too_and_a_refused_one_falls_back_to_the_list() {
    let mut world = World::without_operator(json!({})).await;
    let refused = json!({"path": "/api/v1/organizations:external/*", "times": "forever",
        "fault": {"kind": "refuse", "status": 400}});
    world.admin("POST", "faults", &refused);
    world.start_operator();
    world.apply("acme", &by_external_id(NINETY));
    world.until("acme", "True", "InSync");
    let journal = world.admin("GET", "journal?method=GET", &Value::Null);
    let queries: Vec<_> = journal.as_array().unwrap().iter().map(|entry| entry["query"].as_str().unwrap()).collect();
    assert!(queries.iter().all(|query| !query.split('&').any(|part| part.starts_with("id="))), "{queries:?}");
    assert!(queries.iter().any(|query| query.contains("external_id=tenant-1")), "{queries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_050_a_refused_lookup_is_named_and_writes_nothing() {
    let mut world = World::without_operator(json!({})).await;
    for path in ["/api/v1/organizations:external/*", "/api/v1/organizations"] {
        let refused =
            json!({"method": "GET", "path": path, "times": "forever", "fault": {"kind": "refuse", "status": 400}});
        world.admin("POST", "faults", &refused);
    }
    world.start_operator();
    world.apply("acme", &by_external_id(NINETY));
    let resource = world.until("acme", "False", "RejectedByApi");
    assert_eq!(says(&resource, "Stalled"), "True RejectedByApi");
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_051_which_organization_is_meant_cannot_be_edited() {
    let world = World::new().await;
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    for other in ["{organization: {id: org_2}", "{organization: {externalId: tenant-1}"] {
        let (accepted, said) = world.try_apply("acme", &format!("{other}, {NINETY}}}"));
        assert!(!accepted && said.contains("spec.organization") && said.contains("cannot be changed"), "{said}");
    }
    assert_eq!(
        (world.resource("acme").unwrap()["metadata"]["generation"].clone(), world.policies("org_1").len()),
        (json!(1), 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn row_112_an_edit_of_the_owner_wakes_none_of_a_hundred_others_that_claim_the_same() {
    const OTHERS: usize = 100;
    let mut world = World::without_operator(json!({})).await;
    world.arguments = vec!["--resync-interval", "1h"];
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    let other = |n: usize| {
        json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": format!("other-{n}"), "namespace": world.namespace},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}}})
    };
    let list = json!({"apiVersion": "v1", "kind": "List", "items": (0..OTHERS).map(other).collect::<Vec<_>>()});
    let (accepted, said) = world.with_input(&["apply", "-f", "-"], &list.to_string());
    assert!(accepted, "{said}");
    eventually("all others conflict", 120, || {
        let all: Value = serde_json::from_str(&world.kubectl(&["get", "osp", "-o", "json"])).unwrap();
        let conflicts = all["items"].as_array()?.iter().filter(|r| says(r, "Ready") == "False Conflict").count();
        (conflicts == OTHERS).then_some(())
    });
    // whoever was woken by their arrival is done: the queue is first come, first served
    let settled = |request: &str| {
        (0..3).for_each(|n| drop(world.reconcile_now(&format!("other-{n}"), request)));
        world.count("")
    };
    let before = settled("before");
    world.apply("acme", &spec(", interval: 30m"));
    world.until("acme", "True", "InSync");
    let sent = settled("after") - before;
    assert!(sent <= 25, "{sent} requests for an edit of one and a look at three others");
    world.apply("acme", &format!("{{organization: {{id: org_1}}, {NINETY}}}"));
    world.until("acme", "True", "InSync");
    assert_eq!(world.policies("org_1").len(), 2, "and nobody else writes");
}
