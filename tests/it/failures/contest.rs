//! Claims of owners that don't show that their credentials are still good, and what
//! an organization had before its first write (`docs/development/failures.md` rows 128, 134).

use super::{
    eight_hours, foreign,
    issuer::custom_domain,
    spec,
    tenants::{BY_SECRET, REAL, ninety, two_tenants},
};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};

fn forty_five() -> Value {
    json!({"source": "CUSTOM", "absolute_minutes": 45, "idle_enabled": false, "idle_minutes": null})
}

#[tokio::test(flavor = "multi_thread")]
async fn row_134_an_owner_with_a_long_interval_is_asked_whether_its_credentials_are_still_good() {
    let (mut owner, other) = two_tenants(&[]).await;
    let url = owner.simulator.base_url();
    other.credentials(&url, REAL);
    other.apply("first", &ninety("id: org_1").replace("{organization", "{interval: 24h, organization"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "first"));
    owner.start_with(&[]);
    other.until("first", "True", "InSync");
    owner.until("acme", "False", "Conflict");
    owner.admin("PUT", "client", &json!({"client_id": REAL.0, "client_secret": "rotated"}));
    owner.credentials(&url, (REAL.0, "rotated"));
    owner.admin("POST", "tokens/revoke", &Value::Null);
    owner.edit("org_1", &json!({"policy": foreign()}));
    let done = || (owner.stored("org_1")["policy"] == eight_hours()).then_some(());
    eventually("the one with good credentials has taken over", 120, done);
    owner.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_128_what_the_customer_had_before_the_first_write_is_restored_and_not_what_was_observed_earlier() {
    let world = World::new().await;
    world.edit("org_1", &json!({"policy": foreign()}));
    world.apply("acme", &spec(", mode: Observe, deletionPolicy: Restore"));
    world.until("acme", "True", "Observing");
    world.edit("org_1", &json!({"policy": forty_five()}));
    world.until_reconciled(3);
    world.apply("acme", &spec(", deletionPolicy: Restore"));
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_128_a_secret_that_moves_to_another_name_of_the_environment_loses_nothing() {
    for waits in [true, false] {
        let (mut owner, _other) = two_tenants(&[]).await;
        owner.edit("org_1", &json!({"policy": forty_five()}));
        owner.credentials(&owner.simulator.base_url(), REAL);
        owner.apply("acme", &spec(&format!("{BY_SECRET}, deletionPolicy: Restore")));
        owner.start_with(&[]);
        owner.until("acme", "True", "InSync");
        let name = custom_domain(&owner.simulator).await;
        owner.credentials(&name, REAL);
        if waits {
            let moved = || (owner.resource("acme")?["status"]["environment"] == name["http://".len()..]).then_some(());
            eventually("the new name is in the status", 120, moved);
        }
        owner.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
        assert_eq!(owner.stored("org_1")["policy"]["absolute_minutes"], 45, "waits: {waits}");
    }
}
