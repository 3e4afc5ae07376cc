//! wait, get, explain and describe.

use super::{minutes, org};
use crate::{
    cluster::{cluster, eventually, within},
    world::World,
};
use serde_json::json;

/// Whether `kubectl wait` sees Ready come within this time.
fn waited(world: &World, name: &str, seconds: u32) -> (bool, String) {
    let (resource, timeout) = (format!("osp/{name}"), format!("--timeout={seconds}s"));
    cluster().with_input(&["-n", &world.namespace, "wait", "--for=condition=Ready", &timeout, &resource], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_ready_ends_when_the_policy_is_live_and_not_before() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    let (came, said) = waited(&world, "acme", 60);
    assert!(came, "{said}");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);

    world.kill_operator();
    world.apply("acme", &minutes("org_1", 90));
    let (came, said) = waited(&world, "acme", 1);
    assert!(!came, "Ready is of the spec before: {said}");
    assert!(said.contains("timed out"), "{said}");

    world.start_operator();
    let (came, said) = waited(&world, "acme", 60);
    assert!(came, "{said}");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_the_columns_of_the_design_filled() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.apply("watched", &org("org_2", ", mode: Observe"));
    world.until("acme", "True", "InSync");
    world.until("watched", "True", "Observing");

    let columns = "NAME ORGANIZATION EFFECTIVE MODE READY REASON AGE";
    let list = world.kubectl(&["get", "osp"]);
    let words: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words.len(), 3, "{list}");
    assert_eq!(words[0].join(" "), columns);
    assert_eq!(words[1][..8].join(" "), "acme org_1 8h / 1h Enforce True InSync");
    // inherited, so the application's limit applies
    assert_eq!(words[2][..9].join(" "), "watched org_2 7d (app) / none Observe True Observing");
    assert!(list.lines().all(|line| line.len() <= 80), "it fits a terminal:\n{list}");

    let wide = world.kubectl(&["get", "osp", "-o", "wide"]);
    let lines: Vec<&str> = wide.lines().collect();
    let header: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(header.join(" "), format!("{columns} SOURCE ABSOLUTE IDLE SYNCED DRIFT MESSAGE"));
    let cell = |line: &str, column: &str| {
        let from = lines[0].find(column).unwrap();
        line.get(from..).unwrap().split("  ").next().unwrap().to_owned()
    };
    assert_eq!(
        ["SOURCE", "ABSOLUTE", "IDLE", "SYNCED"].map(|name| cell(lines[1], name)),
        ["CUSTOM", "8h", "1h", "True"]
    );
    assert_eq!(cell(lines[1], "DRIFT"), "");
    assert_eq!(cell(lines[1], "MESSAGE"), "the session policy of org_1 is absolute 8h, idle 1h");
    assert!(cell(lines[2], "DRIFT").contains("policySource"), "{wide}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_a_field_means() {
    for (field, ran) in [
        ("osp.spec", &["suspend", "neither reads nor writes", "deletionPolicy"][..]),
        ("osp.spec.policy", &["policySource", "-required-", "absoluteSessionTimeoutUnit", "idleSessionTimeout"]),
        ("osp.spec.policy.policySource", &["ENUM", "APPLICATION", "CUSTOM: the values below"]),
        ("osp.spec.mode", &["TightenOnly", "stricter than the live one", "reports drift"]),
        ("osp.spec.credentialsSecretRef", &["SCALEKIT_CLIENT_SECRET"]),
        ("osp.status.drift", &["declared", "live", "As declared"]),
        ("osp.status.observedGeneration", &["-1 before the"]),
    ] {
        // the server publishes a definition's documentation a little after the definition
        let page = eventually("the documentation", 60, || {
            let output = cluster().kubectl(&["explain", field]);
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        });
        for words in ran {
            assert!(page.contains(words), "{field} does not show {words:?}:\n{page}");
        }
        assert!(!page.contains("<no description>"), "{field}:\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_shows_the_conditions_and_what_happened() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply("younger", &org("org_1", ""));
    world.until("younger", "False", "Conflict");
    for (name, ran) in [
        ("acme", ["Reason:                InSync", "Normal", "PolicyApplied", "absolute 8h, idle 1h"]),
        (
            "younger",
            ["Reason:                Conflict", "Warning", "Conflict", "the resource acme has the earlier claim"],
        ),
    ] {
        let has_all = |page: &String| {
            let (_, events) = page.split_once("Events:").unwrap();
            page.contains(ran[0]) && ran[1..].iter().all(|words| events.contains(words))
        };
        let mut page = String::new();
        let found = within(30, || {
            page = world.kubectl(&["describe", "osp", name]);
            has_all(&page).then_some(())
        });
        assert!(found.is_some(), "{name} does not show {ran:?}:\n{page}");
        assert!(!page.contains("test_simulator"));
    }
    assert_eq!(world.stored("org_1")["policy"]["source"], json!("CUSTOM"));
}
