//! The log: what was written and why can be found by resource, organization and request, and an outage
//! is one line and not one for each resource.

use crate::{
    cluster::eventually,
    failures::{always, crowd::Crowd, foreign, refuse},
    osp::Folder,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};

fn lines(world: &World) -> Vec<Value> {
    world.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn says(line: &Value, message: &str) -> bool {
    line["fields"]["message"] == message
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_one_line_with_what_changed_and_the_ids_of_its_request() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments.extend(["--log-format", "json"]);
    world.start_operator();
    world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
    world.until("acme", "True", "InSync");
    world.edit("org_1", &json!({"policy": foreign()}));
    let writes = |count: usize| {
        eventually("the lines of the writes", 60, || {
            let writes: Vec<Value> = lines(&world).into_iter().filter(|line| says(line, "wrote to Scalekit")).collect();
            (writes.len() >= count).then_some(writes)
        })
    };
    let writes = writes(3);
    let told = |write: &Value| {
        assert_eq!((&write["level"], &write["fields"]["organization"]), (&json!("INFO"), &json!("org_1")), "{write}");
        assert_eq!(write["fields"]["resource"], format!("{}/acme", world.namespace));
        ["what", "before", "after", "direction", "result"]
            .map(|field| write["fields"][field].as_str().unwrap().to_owned())
    };
    let shown: Vec<[String; 5]> = writes.iter().take(3).map(told).collect();
    let policy = |before| ["policy", before, "absolute 8h, idle 1h", "tightening", "applied"];
    let features = ["features", "session_policy=off", "session_policy=on", "neutral", "applied"];
    assert_eq!(shown, [features, policy("the application's policy"), policy("absolute 30d, idle off")]);
    let all = lines(&world);
    for write in writes {
        let id = &write["fields"]["request"];
        let request = all.iter().find(|line| says(line, "request") && line["span"]["id"] == *id);
        let request = request.unwrap_or_else(|| panic!("no request {id}"));
        assert_eq!(request["span"]["status"], 200, "{request}");
        let reconcile = &request["spans"][0];
        assert_eq!(reconcile["name"], "reconcile", "{request}");
        assert_eq!(
            (&reconcile["resource"], &reconcile["organization"]),
            (&write["fields"]["resource"], &json!("org_1"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writes_of_a_creation_an_edit_and_a_deletion_pass_the_audit_in_either_format() {
    for format in ["json", "text"] {
        let mut world = World::without_operator(json!({})).await;
        world.arguments.extend(["--log-format", format]);
        world.start_operator();
        world.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}}}"));
        world.until("acme", "True", "InSync");
        world.edit("org_1", &json!({"policy": foreign()}));
        eventually("the correction", 60, || (world.writes().len() >= 3).then_some(()));
        world.kubectl(&["delete", "osp", "acme"]);
        let audit = || Folder::new().osp_with(&["audit", "-", "-o", "json"], world.log().as_bytes());
        let ran = eventually("the line of the revert", 30, || {
            let ran = audit();
            let shown: Value = serde_json::from_str(&ran.out).unwrap();
            (shown["writes"] == json!(world.writes().len())).then_some((ran.code, shown))
        });
        let (code, shown) = ran;
        assert_eq!((code, &shown["findings"]), (Some(0), &json!([])), "{format}: {shown:#}");
        assert_eq!(shown["drift"][0]["left"], "absolute 8h, idle 1h", "{format}: {shown:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_eight_resources_is_told_when_it_begins_and_when_it_ends() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments.extend(["--log-format", "json"]);
    world.start_operator();
    let crowd = Crowd(8);
    crowd.arrive(&world, None);
    crowd.until(&world, "True", "InSync");
    let before = lines(&world).len();
    world.inject(&always("GET", "/api/**", refuse(503)));
    crowd.until(&world, "Unknown", "Stale"); // three intervals, so that each was tried several times
    world.clear_faults();
    crowd.until(&world, "True", "InSync");
    let shown = |line: &&Value| line["level"] != "DEBUG" && line["level"] != "TRACE";
    let lines = lines(&world);
    let shown: Vec<&Value> = lines[before..].iter().filter(shown).collect();
    let count = |message: &str| shown.iter().filter(|line| says(line, message)).count();
    assert_eq!((count("outage: no requests are sent"), count("outage is over")), (1, 1), "{shown:#?}");
    assert_eq!(count("reconciled"), 0, "{shown:#?}");
}
