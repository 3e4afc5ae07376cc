//! Rows 1 to 4: the token and the endpoint it comes from.

use super::{
    ORGANIZATION, TOKEN, always, crowd::Crowd, eight_hours, foreign, journal::message, organization, spec, troubled,
};
use crate::{
    cluster::eventually,
    world::{World, condition},
};
use serde_json::{Value, json};

/// What the documentation shows for a token that is no longer good.
fn unauthenticated() -> Value {
    json!({"kind": "refuse", "status": 401, "body": "unauthenticated"})
}

#[tokio::test(flavor = "multi_thread")]
async fn row_001_an_expired_token_is_replaced_once_for_forty_resources_and_nobody_notices() {
    let world = World::new().await;
    let crowd = Crowd(40);
    crowd.arrive(&world, None);
    let before = crowd.until(&world, "True", "InSync");
    assert_eq!(world.tokens(), 1);
    let writes = world.writes().len();
    let reads = |organization: &str| {
        world.count(&format!("method=GET&path=/api/v1/organizations/{organization}/session-policy&status=200"))
    };
    let earlier: Vec<u64> = crowd.organizations().map(|o| reads(&o)).collect();
    world.admin("POST", "tokens/revoke", &Value::Null);
    eventually("a read of each with the new token", 90, || {
        crowd.organizations().zip(&earlier).all(|(o, before)| reads(&o) > *before + 1).then_some(())
    });
    assert!(world.count("status=401") >= 1);
    assert_eq!(world.tokens(), 2);
    assert_eq!(world.writes().len(), writes);
    assert_eq!(crowd.until(&world, "True", "InSync"), before, "no status was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_002_a_new_token_that_is_refused_too_is_the_last_for_now() {
    let world = troubled(&[always("GET", "/api/**", unauthenticated())]).await;
    let resource = world.until("acme", "False", "AuthFailed");
    assert!(condition(&resource, "Stalled").is_some());
    let sent = (world.tokens(), world.story("org_1"));
    assert_eq!(sent, (2, "OO".into()));
    world.apply("other", &organization("org_2", ""));
    world.until("other", "False", "AuthFailed");
    world.reconcile_now("acme", "again");
    assert_eq!((world.tokens(), world.story("org_1")), sent, "nothing more is sent for five minutes");
    assert_eq!(world.count("path=/api/**"), 2);
    let regarding = |event: &&Value| event["regarding"]["name"] == "acme";
    let events =
        eventually("an event", 30, || Some(world.events("AuthFailed")).filter(|e| e.iter().any(|e| regarding(&e))));
    let own: Vec<&Value> = events.iter().filter(regarding).collect();
    assert_eq!((own.len(), &own[0]["type"]), (1, &json!("Warning")));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_002_a_secret_that_is_written_all_the_time_is_tried_once_per_value_and_others_notice_nothing() {
    let world = World::new().await;
    world.apply("neighbour", &organization("org_2", ""));
    world.until("neighbour", "True", "InSync");
    let right = world.tokens();
    world.apply_secret("scalekit", "wrong");
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "False", "CredentialsRejected");
    // each edit reads the Secret again
    let edit = |n: u32| {
        world.apply("acme", &spec(&format!(", interval: {}s, credentialsSecretRef: {{name: scalekit}}", 60 + n)));
        eventually("the edit is reconciled", 60, || {
            let resource = world.resource("acme")?;
            (resource["status"]["observedGeneration"] == resource["metadata"]["generation"]).then_some(())
        });
    };
    for n in 0..5 {
        world.kubectl(&["annotate", "--overwrite", "secret", "scalekit", &format!("example.com/n={n}")]);
        edit(n);
    }
    assert_eq!(world.tokens(), right + 1, "whatever else is written, these values were refused");
    for n in 0..8 {
        world.apply_secret("scalekit", &format!("wrong-{n}"));
        edit(10 + n);
    }
    let wrong = world.tokens() - right;
    assert!((2..=9).contains(&wrong), "{wrong} requests for nine wrong secrets: one each at most");
    world.edit("org_2", &json!({"policy": foreign()}));
    eventually("the neighbour is reconciled", 30, || (world.truth("org_2")["policy"] == eight_hours()).then_some(()));
    world.until("neighbour", "True", "InSync");
    world.apply_secret("scalekit", "test_simulator");
    edit(20);
    world.until("acme", "True", "InSync");
    assert_eq!(world.tokens(), right + wrong, "the operator's own token is one for the same values");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_003_rejected_credentials_are_named_with_their_secret_and_cost_one_request() {
    for status in [400, 401] {
        let mut world = World::without_operator(json!({})).await;
        world.trouble(&always("POST", TOKEN, json!({"kind": "refuse", "status": status, "body": "oauth"})));
        world.start_with(&[]);
        world.apply_secret("scalekit", "wrong");
        world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
        let resource = world.until("acme", "False", "CredentialsRejected");
        assert!(condition(&resource, "Stalled").is_some());
        let said = message(&resource, "Ready");
        for word in ["Secret scalekit", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"] {
            assert!(said.contains(word), "{said}");
        }
        assert!(!resource["status"].to_string().contains("wrong"));
        world.reconcile_now("acme", "again");
        assert_eq!(world.count(""), 1, "the same credentials are not tried again");
        world.until_event("CredentialsRejected", "Warning");
        world.calm();
        world.apply_secret("scalekit", "test_simulator");
        world.reconcile_now("acme", "corrected");
        world.until("acme", "True", "InSync");
        assert_eq!(world.tokens(), 2, "the Secret was read again, and what it has now was tried at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_004_an_answer_without_a_token_is_none() {
    let answers = [json!({}), json!({"access_token": ""}), json!({"access_token": 7, "expires_in": 60})];
    let mut worlds = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        let fault = json!({"kind": "refuse", "status": 200, "body": {"json": answer}});
        let world = troubled(&[always("POST", TOKEN, fault)]).await;
        let resource = world.until("acme", "Unknown", "BadAuthResponse");
        assert!(condition(&resource, "Reconciling").is_some(), "it goes on trying");
        assert_eq!(world.count("path=/api/**"), 0, "answer {number}");
        world.calm();
        worlds.push(world);
    }
    for world in worlds {
        // after the pause of half a minute, and no later
        eventually("a request with a token", 60, || (world.count("path=/api/**") > 0).then_some(()));
        world.until("acme", "True", "InSync");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_004_a_lifetime_that_cannot_be_is_not_believed() {
    let mut world = World::new().await;
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    for (lifetime, as_string) in [(0, false), (-1, false), (1, false), (9_000_000_000_000_i64, false), (1799, true)] {
        let token = json!({"token": {"expires_in": lifetime, "expires_in_as_string": as_string}});
        world.admin("PATCH", "settings", &token);
        world.kill_operator();
        let before = world.tokens();
        world.start_operator();
        world.until_organization_reconciled("org_1", 2);
        assert_eq!(world.tokens(), before + 1, "expires_in {lifetime}");
        assert_eq!(world.count(&format!("path={ORGANIZATION}&status=401")), 0);
    }
    world.until("acme", "True", "InSync");
}
