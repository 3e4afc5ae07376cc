//! The operator is uninstalled before its resources (row 79). They would wait
//! for ever on a finalizer that nobody removes, so `uninstall` removes it first.

use super::{eight_hours, journal::message, organization, ready_world, says};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn row_079_uninstall_reverts_and_releases_every_resource() {
    let mut world = ready_world("").await;
    world.apply("stray", &organization("org_2", ", deletionPolicy: Retain"));
    world.until("stray", "True", "InSync");
    world.kill_operator();
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    assert!(world.resource("acme").is_some(), "it hangs");
    let output = world.uninstall(&["--yes", "--policies=revert"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("2 released, 0 left"), "{said}");
    world.until_gone("acme");
    assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
    assert_eq!(
        (world.stored("org_1")["policy"]["source"].clone(), &world.stored("org_2")["policy"]),
        (json!("APPLICATION"), &eight_hours())
    );
    let stray = world.resource("stray").unwrap();
    assert_eq!(says(&stray, "Ready"), "Unknown Uninstalled", "no operator reconciles it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_079_uninstall_can_leave_the_policies_and_a_later_operator_takes_up_again() {
    let mut world = ready_world("").await;
    world.kill_operator();
    let before = world.count("");
    let output = world.uninstall(&["--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let resource = world.resource("acme").unwrap();
    assert!(resource["metadata"]["finalizers"].is_null());
    assert_eq!(says(&resource, "Ready"), "Unknown Uninstalled");
    assert!(message(&resource, "Ready").contains("start the operator again"));
    assert_eq!((world.count(""), &world.stored("org_1")["policy"]), (before, &eight_hours()));
    world.start_operator();
    let resource = world.until("acme", "True", "InSync");
    assert!(!resource["metadata"]["finalizers"].is_null());
    assert_eq!(world.policies("org_1").len(), 1, "what is live already is not written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_079_what_cannot_be_released_is_named_and_fails_the_command() {
    let mut world = ready_world("").await;
    world.kill_operator();
    world.admin("PUT", "client", &json!({"client_id": "skc_simulator", "client_secret": "rotated"}));
    let output = world.uninstall(&["--yes", "--policies=revert"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        !output.status.success() && said.contains("acme: NOT released") && said.contains("0 released, 1 left"),
        "{said}"
    );
    assert!(!world.resource("acme").unwrap()["metadata"]["finalizers"].is_null());
    assert_eq!(world.stored("org_1")["policy"], eight_hours());
}
