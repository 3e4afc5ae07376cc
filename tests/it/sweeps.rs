//! How many requests many resources cost: their organizations are read from the list.

use crate::{cluster::eventually, failures::crowd::Crowd, world::World};
use serde_json::{Value, json};

/// Resources, each with an organization of its own, and the pages of their list.
const N: u64 = 300;
const P: u64 = N / 100;

/// What was sent to Scalekit, but for the token.
#[derive(Debug)]
struct Sent {
    lists: u64,
    organizations: u64,
    application_policies: u64,
    policies: u64,
    writes: u64,
}

impl Sent {
    fn to(world: &World) -> Self {
        let get = |path: &str| world.count(&format!("method=GET&path=/api/v1/organizations{path}"));
        Self {
            lists: get(""),
            organizations: get("/*"),
            application_policies: get("/*/application-session-policy"),
            policies: get("/*/session-policy"),
            writes: world.count("method=PATCH&path=/api/**"),
        }
    }

    /// All but the application's policy, which is read once for all.
    fn sum(&self) -> u64 {
        self.lists + self.organizations + self.policies + self.writes
    }
}

/// A world without an operator, and resources in it whose organizations have `session_policy` on or off.
async fn arrived(settings: Value, feature: bool) -> (World, Crowd) {
    let world = World::without_operator(settings).await;
    let crowd = Crowd(N);
    crowd.arrive(&world, None);
    let features = json!([{"name": "sso", "enabled": true}, {"name": "session_policy", "enabled": feature}]);
    for organization in crowd.organizations() {
        world.edit(&organization, &json!({ "features": features }));
    }
    (world, crowd)
}

/// What it costs until all are Ready.
async fn cold(settings: Value, feature: bool) -> Sent {
    let (mut world, crowd) = arrived(settings, feature).await;
    world.arguments.extend(["--resync-interval", "10m"]);
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    Sent::to(&world)
}

/// At most two in a hundred above `floor`.
fn assert_near(floor: u64, sent: &Sent) {
    assert!(sent.sum() * 100 <= floor * 102, "{} instead of {floor}: {sent:?}", sent.sum());
    assert!(sent.application_policies <= 2, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_resource_costs_two_requests_and_its_part_of_the_list() {
    let sent = cold(json!({}), true).await;
    assert_near(2 * N + P, &sent);
    assert_eq!((sent.policies, sent.writes), (N, N));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_resource_whose_feature_is_off_costs_four() {
    let sent = cold(json!({}), false).await;
    assert_near(4 * N + P, &sent);
    assert!(sent.organizations >= N, "each is read right before its features are written: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_shows_no_features_is_read_once_and_then_each_organization() {
    let sent = cold(json!({"emission": {"settings": "not_in_lists"}}), true).await;
    assert!(sent.lists <= P && (sent.organizations, sent.policies, sent.writes) == (N, N, N), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_a_resource_costs_one_request_and_its_part_of_the_list() {
    let (mut world, crowd) = arrived(json!({}), true).await;
    world.arguments.extend(["--resync-interval", "30s"]);
    world.start_operator();
    let before = crowd.until(&world, "True", "InSync");
    world.admin("DELETE", "journal", &Value::Null);
    eventually("two intervals", 180, || (Sent::to(&world).policies >= 2 * N).then_some(()));
    let sent = Sent::to(&world);
    assert!(sent.sum() * 100 <= (sent.policies + sent.policies * P / N) * 102, "{sent:?}");
    assert_eq!((sent.writes, crowd.until(&world, "True", "InSync")), (0, before), "nothing is written");

    // what is changed by somebody else is noticed in the list
    let off = json!({"features": [{"name": "sso", "enabled": true}, {"name": "session_policy", "enabled": false}]});
    world.edit("org_7", &off);
    eventually("the feature is on again", 60, || (!world.flags("org_7").is_empty()).then_some(()));
    let sso = json!({"name": "sso", "enabled": true});
    assert!(world.flags("org_7")[0]["features"].as_array().unwrap().contains(&sso), "and the others stay");
    let (status, _) = world.simulator.admin("DELETE", "/_simulator/organizations/org_8", &Value::Null);
    assert_eq!(status, 200);
    world.until("crowd-8", "False", "OrganizationNotFound");
}
