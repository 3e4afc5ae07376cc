//! SIGKILL in the middle of every request to Scalekit, and of every read and write at the API server, that an undisturbed
//! run sends, with the request carried out and not carried out: a new operator ends where the undisturbed one did,
//! and repeats nothing that was applied. The requests are not listed here but recorded; `make crash-points` kills at
//! all of them.

use crate::{
    between::{self, Between, Nth, Step, Tamper},
    cluster::within,
    figures::{publish, today},
    side_by_side::side_by_side,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many kills at least are the proof: 72 of each of three kinds.
const LEAST: usize = 3 * 72;

/// Something that a user wants, from which all requests of a run follow.
struct Workload {
    /// What is there before.
    prepare: fn(&mut World),
    act: fn(&mut World),
    /// Waits for the end.
    end: fn(&World),
    /// Every run sends the same requests: only one resource is reconciled, and nothing is in a cache.
    steady: bool,
}

/// A request of the recorded run.
#[derive(Debug, Clone)]
enum Point {
    /// To Scalekit: method, path, and how many such came before since it was acted.
    Scalekit(String, String, u64),
    /// A write to the API server.
    Cluster(between::Point),
}

// no reconcile but that of the workload
const LONG: &str = "interval: 1h";

fn four_hours() -> String {
    EIGHT_HOURS.replace("absoluteSessionTimeout: 8", "absoluteSessionTimeout: 4")
}

fn apply(world: &World, organization: &str, policy: &str) {
    world.apply("acme", &format!("{{organization: {organization}, {LONG}, policy: {policy}}}"));
}

fn applied(world: &mut World) {
    world.start_operator();
    apply(world, "{id: org_1}", EIGHT_HOURS);
    world.until("acme", "True", "InSync");
}

fn is_in_sync(world: &World) {
    world.until("acme", "True", "InSync");
}

const CREATION: Workload = Workload {
    prepare: |world| apply(world, "{id: org_1}", EIGHT_HOURS),
    act: World::start_operator,
    end: is_in_sync,
    steady: true,
};

const BY_EXTERNAL_ID: Workload = Workload {
    prepare: |world| apply(world, "{externalId: tenant-1}", EIGHT_HOURS),
    act: World::start_operator,
    end: is_in_sync,
    steady: true,
};

const EDIT: Workload = Workload {
    prepare: applied,
    act: |world| apply(world, "{id: org_1}", &four_hours()),
    end: is_in_sync,
    steady: false,
};

const DELETION: Workload = Workload {
    prepare: applied,
    act: |world| drop(world.kubectl(&["delete", "osp", "acme", "--wait=false"])),
    end: |world| world.until_gone("acme"),
    steady: true,
};

const HAND_OVER: Workload = Workload {
    prepare: |world| {
        applied(world);
        let heir = format!("{{organization: {{id: org_1}}, {LONG}, policy: {}}}", four_hours());
        world.apply_younger("heir", &heir, (world, "acme"));
        world.until("heir", "False", "Conflict");
    },
    act: |world| drop(world.kubectl(&["delete", "osp", "acme", "--wait=false"])),
    end: |world| {
        world.until_gone("acme");
        world.until("heir", "True", "InSync");
    },
    steady: false,
};

const BY_SECRET: Workload = Workload {
    prepare: |world| {
        world.apply_secret("scalekit", "test_simulator");
        let spec = format!(
            "{{organization: {{id: org_1}}, {LONG}, credentialsSecretRef: {{name: scalekit}}, policy: {EIGHT_HOURS}}}"
        );
        world.apply("acme", &spec);
    },
    act: World::start_operator,
    end: is_in_sync,
    steady: true,
};

const INHERITANCE: Workload = Workload {
    prepare: applied,
    act: |world| apply(world, "{id: org_1}", "{policySource: APPLICATION}"),
    end: is_in_sync,
    steady: false,
};

const RESTORATION: Workload = Workload {
    prepare: |world| {
        let before = json!({"source": "CUSTOM", "absolute_minutes": 720, "idle_enabled": false, "idle_minutes": null});
        world.edit("org_1", &json!({"policy": before}));
        world.start_operator();
        let spec =
            format!("{{organization: {{id: org_1}}, {LONG}, deletionPolicy: Restore, policy: {}}}", four_hours());
        world.apply("acme", &spec);
        world.until("acme", "True", "InSync");
    },
    ..DELETION
};

/// What is stored in the end, and what was written since `after`.
#[derive(Debug, PartialEq)]
struct End {
    policy: Value,
    writes: Vec<(String, Value)>,
}

impl End {
    fn of(world: &World, before: usize) -> Self {
        Self { policy: world.stored("org_1")["policy"].clone(), writes: world.writes().split_off(before) }
    }
}

async fn prepared(workload: &Workload) -> (World, Between) {
    let mut world = World::without_operator(json!({})).await;
    let between = Between::before(&mut world).await;
    (workload.prepare)(&mut world);
    between.plan(&[]);
    (world, between)
}

fn journal(world: &World) -> Vec<Value> {
    world.admin("GET", "journal", &Value::Null).as_array().unwrap().clone()
}

/// The requests of an undisturbed run, and its end.
async fn recorded(workload: &Workload) -> (Vec<Point>, End) {
    let (mut world, between) = prepared(workload).await;
    let (requests, writes) = (journal(&world).len(), world.writes().len());
    (workload.act)(&mut world);
    (workload.end)(&world);
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    let point = |entry: &Value| {
        let [method, path] = ["method", "path"].map(|field| entry[field].as_str().unwrap().to_owned());
        let count = seen.entry((method.clone(), path.clone())).or_default();
        *count += 1;
        Point::Scalekit(method, path, *count - 1)
    };
    let mut points: Vec<Point> = journal(&world)[requests..].iter().map(point).collect();
    for (kind, count) in between.passed() {
        let arrives = ["WATCH ", "event "].iter().any(|of| kind.starts_with(of));
        let renewal = kind.ends_with(" leases/own"); // as many as there is time for
        let at = |nth| Point::Cluster(between::Point { kind: kind.clone(), nth: Nth::At(nth) });
        points.extend((0..count.min(if renewal { 1 } else { u64::MAX })).filter(|_| !arrives).map(at));
    }
    (points, End::of(&world, writes))
}

/// Carried out, or not; either way there is no answer while the operator lives.
fn silence(carried_out: bool) -> Value {
    if carried_out {
        json!({"kind": "slow_headers", "delay_ms": 60_000})
    } else {
        json!({"kind": "late", "then": "silence"})
    }
}

fn count(world: &World, method: &str, path: &str) -> u64 {
    world.admin("GET", &format!("journal/count?method={method}&path={path}"), &Value::Null)["count"].as_u64().unwrap()
}

/// Kills the operator in this request; whether the run came to it.
async fn killed_at(workload: &Workload, point: &Point, carried_out: bool, expected: &End) -> bool {
    let (mut world, between) = prepared(workload).await;
    let writes = world.writes().len();
    let patience = if workload.steady { 30 } else { 5 };
    let hangs = match point {
        Point::Scalekit(method, path, nth) => {
            let arrivals = count(&world, method, path) + nth + 1;
            let fault = json!({"method": method, "path": path, "skip": nth, "fault": silence(carried_out)});
            world.admin("POST", "faults", &fault);
            (workload.act)(&mut world);
            within(patience, || (count(&world, method, path) >= arrivals).then_some(()))
        }
        Point::Cluster(at) => {
            let tamper = if carried_out { Tamper::Silent } else { Tamper::Swallowed };
            between.plan(&[Step { at: at.clone(), tamper }]);
            (workload.act)(&mut world);
            within(patience, || (between.hits() > 0).then_some(()))
        }
    };
    world.kill_operator();
    world.admin("DELETE", "faults", &Value::Null);
    between.plan(&[]);
    world.start_operator();
    (workload.end)(&world);
    let mut end = End::of(&world, writes);
    if writes_to_scalekit(point) && end.writes.len() > expected.writes.len() {
        // one that was cut off is sent once more, and is the same
        let again = end.writes.iter().enumerate().skip(1).find(|(at, write)| **write == end.writes[at - 1]);
        let again = again.map(|(at, _)| at).unwrap_or_else(|| panic!("{point:?}: {end:#?}"));
        assert!(!carried_out, "{point:?} was applied, and is repeated");
        end.writes.remove(again);
    }
    assert_eq!(end, *expected, "{point:?}, carried out: {carried_out}");
    hangs.is_some()
}

/// Kills at those points of the recorded run that are `chosen`, some side by side; at how many of each side.
async fn killed(workload: &'static Workload, chosen: impl Fn(&Point) -> bool) -> [usize; 2] {
    let (points, end) = recorded(workload).await;
    let end = &*Box::leak(Box::new(end));
    let points = points.into_iter().filter(chosen).flat_map(|point| [(point.clone(), false), (point, true)]);
    let kills = side_by_side(points, 4, async move |(point, carried_out): (Point, bool)| {
        let hit = killed_at(workload, &point, carried_out, end).await;
        let always = workload.steady && matches!(point, Point::Scalekit(..));
        assert!(hit || !always, "{point:?} does not come again");
        (matches!(point, Point::Cluster(_)), hit)
    });
    let mut counted = [0; 2];
    for killed in kills.await {
        let (cluster, hit) = killed.unwrap();
        counted[usize::from(cluster)] += usize::from(hit);
    }
    counted
}

fn of_scalekit(point: &Point) -> bool {
    matches!(point, Point::Scalekit(..))
}

fn writes_to_scalekit(point: &Point) -> bool {
    matches!(point, Point::Scalekit(method, ..) if method == "PATCH")
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_a_creation_cut_off_in_any_request_ends_as_an_undisturbed_one() {
    assert!(killed(&CREATION, of_scalekit).await[0] >= 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_a_deletion_cut_off_in_any_request_ends_as_an_undisturbed_one() {
    assert!(killed(&DELETION, of_scalekit).await[0] >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_an_edit_cut_off_in_its_write_ends_as_an_undisturbed_one() {
    assert!(killed(&EDIT, writes_to_scalekit).await[0] >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_a_hand_over_cut_off_in_its_write_ends_as_an_undisturbed_one() {
    assert!(killed(&HAND_OVER, writes_to_scalekit).await[0] >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_a_creation_by_external_id_cut_off_in_its_writes_ends_as_an_undisturbed_one() {
    assert!(killed(&BY_EXTERNAL_ID, writes_to_scalekit).await[0] >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_056_a_creation_cut_off_in_a_write_of_its_resource_ends_as_an_undisturbed_one() {
    let of_resource = |point: &Point| matches!(point, Point::Cluster(at) if at.kind.contains("acme"));
    assert!(killed(&CREATION, of_resource).await[1] >= 4);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make crash-points`: takes some minutes, and writes docs/proof.md"]
async fn every_crash_point() {
    let (mut rows, mut all) = (String::new(), 0);
    for (name, workload) in [
        ("creation", &CREATION),
        ("by external id", &BY_EXTERNAL_ID),
        ("edit", &EDIT),
        ("deletion", &DELETION),
        ("hand-over", &HAND_OVER),
        ("creation with a Secret", &BY_SECRET),
        ("back to the application's policy", &INHERITANCE),
        ("deletion that restores", &RESTORATION),
    ] {
        let [scalekit, cluster] = killed(workload, |_| true).await;
        println!("{name}: killed {scalekit} and {cluster} times, each with the same end");
        rows += &format!("| {name} | {scalekit} | {cluster} |\n");
        all += scalekit + cluster;
    }
    assert!(all >= LEAST, "only {all} kills");
    let head = "| run | kills in requests to Scalekit | kills in requests to the API server |\n|---|---|---|";
    let figures = format!("{all} kills, each with the same end, {}.\n\n{head}\n{rows}", today());
    publish("docs/proof.md", "kills", "crash-points", &figures);
}
