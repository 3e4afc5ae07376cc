//! Two clusters that mean the same organization do not know of each other
//! (row 48).

use super::{says, spec};
use crate::{
    cluster::{cluster, eventually},
    world::World,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn row_048_of_two_operators_that_do_not_see_each_other_the_stricter_one_prevails() {
    // two namespaces, each with an operator that watches nothing else: to either one, the other is another cluster
    let scalekit = World::scalekit(json!({})).await;
    let mut here = World::on(cluster(), scalekit.clone());
    let mut there = World::on(cluster(), scalekit);
    here.apply("acme", &spec(""));
    there.apply(
        "acme",
        "{organization: {id: org_1}, policy: {policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 30, idleSessionTimeoutUnit: MINUTES}}",
    );
    here.start_operator();
    there.start_operator();
    let stalled = |world: &World| world.resource("acme").is_some_and(|r| says(&r, "Stalled") == "True Contended");
    eventually("one gives way", 60, || (stalled(&here) || stalled(&there)).then_some(()));
    here.until_reconciled(4);
    let (written, stricter) = (here.policies("org_1").len(), here.stored("org_1")["policy"].clone());
    assert!(written <= 2 * 6, "{written} writes");
    here.until_reconciled(6);
    assert_eq!(here.policies("org_1").len(), written, "and then there is peace");
    assert_eq!(here.stored("org_1")["policy"], stricter);
    let ready = [&here, &there].map(|world| says(&world.resource("acme").unwrap(), "Ready"));
    assert_eq!(stricter["absolute_minutes"], 90, "nobody gives way to a looser policy");
    assert_eq!(ready, ["False Contended", "True InSync"]);
}
