//! Whichever way the real server behaves where the contract is silent
//! (`scalekit-api.md` §6, §8): a whole life of a resource has the same end and
//! the same writes.

use super::{always, eight_hours, foreign, organization, refuse, says, spec};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};

/// Creation, rest, edit, drift, deletion.
async fn a_whole_life(settings: Value) {
    let mut world = World::without_operator(settings.clone()).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"], eight_hours(), "{settings}");
    world.until_organization_reconciled("org_1", 2);
    assert_eq!(
        world.request_sequence("org_1").matches(['F', 'W']).collect::<String>(),
        "FW",
        "{settings}: {}",
        world.request_sequence("org_1")
    );
    world.apply("acme", "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}}");
    world.until("acme", "True", "InSync");
    let live = world.stored("org_1")["policy"].clone();
    assert_eq!((&live["absolute_minutes"], &live["idle_enabled"]), (&json!(90), &json!(false)), "{settings}");
    world.edit("org_1", &json!({"policy": foreign()}));
    eventually("the repair", 30, || (world.stored("org_1")["policy"]["absolute_minutes"] == 90).then_some(()));
    world.until("acme", "True", "InSync");
    let before = world.policies("org_1").len();
    world.until_organization_reconciled("org_1", 2);
    assert_eq!((world.policies("org_1").len(), before), (3, 3), "{settings}: {}", world.request_sequence("org_1"));
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "{settings}");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}), "{settings}");
    let sso = json!({"name": "sso", "enabled": true});
    assert!(world.stored("org_1")["features"].as_array().unwrap().contains(&sso), "{settings}");
}

macro_rules! servers {
    ($($name:ident: $settings:tt;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                a_whole_life(json!($settings)).await;
            }
        )*
    };
}

servers! {
    a_server_that_enforces_the_feature_and_replaces_lists: {
        "gate": {"mode": "flag", "status": 403}, "features": {"patch": "replace"}, "policy": {"partial": "reset"}
    };
    a_server_that_answers_400_while_the_feature_is_off: {
        "gate": {"mode": "flag", "status": 400}, "emission": {"unset": "null"}, "policy": {"after_revert": "hide"}
    };
    a_server_that_drops_unknown_words_and_zeros: {
        "parsing": "discard_unknown", "emission": {"unset": "omit", "drop_plain_zeros": true}
    };
    a_server_that_writes_zeros_and_numbers_as_words: {
        "emission": {"unset": "zero", "numbers_as_strings": true, "minutes": "minutes", "application": "environment"},
        "policy": {"after_revert": "show"}
    };
    a_server_that_shows_old_idle_values_and_no_units: {
        "emission": {"stale_idle": true, "minutes": "", "unset": "null"}, "features": {"unknown": "ignore"}
    };
    a_server_without_the_applications_policy: {"application": {"answer": "no_route"}, "gate": {"mode": "flag"}};
    a_server_that_forbids_the_applications_policy: {"application": {"answer": "forbidden"}};
    a_server_that_replaces_lists_and_refuses_names_it_does_not_know: {
        "features": {"patch": "replace", "unknown": "reject"}, "token": {"expires_in_as_string": true}
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn row_120_what_one_client_is_refused_says_nothing_to_another_of_the_same_environment() {
    let mut world = World::without_operator(json!({})).await;
    world.start_operator();
    world.apply("acme", &spec(""));
    let acme = world.until("acme", "True", "InSync");
    assert_eq!(says(&acme, "Effective"), "True AppliesFully");
    // the first client's token stays valid
    world.admin("PUT", "client", &json!({"client_id": "skc_other", "client_secret": "other"}));
    let refused = "/api/v1/organizations/org_2/application-session-policy";
    world.admin("POST", "faults", &always("GET", refused, refuse(403)));
    let url = format!("--from-literal=SCALEKIT_ENVIRONMENT_URL={}", world.simulator.base_url());
    let (id, secret) = ("--from-literal=SCALEKIT_CLIENT_ID=skc_other", "--from-literal=SCALEKIT_CLIENT_SECRET=other");
    world.kubectl(&["create", "secret", "generic", "other", &url, id, secret]);
    world.apply("neighbour", &organization("org_2", ", credentialsSecretRef: {name: other}"));
    let neighbour = world.until("neighbour", "True", "InSync");
    assert_eq!(says(&neighbour, "Effective"), "Unknown ApplicationPolicyUnreadable");
    let asked = world.count("path=/api/v1/organizations/org_1/application-session-policy");
    eventually("the first client asks again", 30, || {
        (world.count("path=/api/v1/organizations/org_1/application-session-policy") > asked + 1).then_some(())
    });
    assert_eq!(says(&world.resource("acme").unwrap(), "Effective"), "True AppliesFully");
    assert_eq!(says(&world.resource("neighbour").unwrap(), "Effective"), "Unknown ApplicationPolicyUnreadable");
}
