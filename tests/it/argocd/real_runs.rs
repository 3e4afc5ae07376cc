//! Brings the real operator into every kind of state and judges each with
//! health.lua, live. The same objects make the committed table:
//!
//!     UPDATE=1 cargo test --test it argocd::real_runs
//!
//! records it anew.

use super::table::{FILE, Row, rows};
use crate::{
    cluster::eventually,
    world::{EIGHT_HOURS, World},
};
use serde_json::{Map, Value, json};
use std::{env, fs, path::Path};

const POLICY: &str = "/api/v1/organizations/*/session-policy";

/// Stands for every time.
const SOME_TIME: &str = "2026-01-01T00:00:00Z";

/// The states recorded so far.
#[derive(Default)]
struct Recorder(Vec<Row>);

impl Recorder {
    /// Judges a resource as it is now, and keeps it.
    fn record(&mut self, world: &World, state: &str, object: &Value, health: &str, said: &str) {
        let row = |object| Row { state: state.into(), health: health.into(), said: said.into(), object };
        row(object.clone()).assert_health();
        self.0.push(row(timeless(world, object)));
    }
}

/// The object without what differs from run to run.
fn timeless(world: &World, object: &Value) -> Value {
    let base = world.simulator.base_url();
    let release = object["status"]["release"]["at"].as_str().unwrap_or(SOME_TIME);
    let text = object
        .to_string()
        .replace(release, SOME_TIME) // it is in messages, too
        .replace(base.trim_start_matches("http://"), "acme.scalekit.example")
        .replace(&world.namespace, "customers");
    let mut object: Value = serde_json::from_str(&text).unwrap();
    let kept = ["name", "namespace", "generation", "finalizers", "deletionTimestamp"];
    let metadata: Map<String, Value> = object["metadata"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| kept.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    object["metadata"] = Value::Object(metadata);
    fix_times(&mut object);
    object
}

fn fix_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match name.as_str() {
                    "deletionTimestamp" | "lastTransitionTime" => *inner = json!(SOME_TIME),
                    _ => fix_times(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(fix_times),
        _ => {}
    }
}

fn org(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

fn down() -> Value {
    json!({"path": "/api/**", "times": "forever", "fault": {"kind": "refuse", "status": 503}})
}

async fn steady(recorder: &mut Recorder) {
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &org("org_1", ""));
    let object = world.resource("acme").unwrap();
    recorder.record(&world, "created, no operator yet", &object, "Progressing", "not reconciled");

    world.start_operator();
    let object = world.until("acme", "True", "InSync");
    recorder.record(&world, "applied", &object, "Healthy", "InSync: the session policy of org_1 is absolute 8h");

    world.apply("younger", &org("org_1", ""));
    let object = world.until("younger", "False", "Conflict");
    recorder.record(&world, "an older resource owns the organization", &object, "Degraded", "Conflict: ");

    world.apply("missing", &org("org_404", ""));
    let object = world.until("missing", "False", "OrganizationNotFound");
    recorder.record(&world, "no such organization", &object, "Degraded", "OrganizationNotFound: ");

    world.apply("watched", &org("org_2", ", mode: Observe"));
    let object = world.until("watched", "True", "Observing");
    recorder.record(&world, "drift that is only to be observed", &object, "Healthy", "Observing: policySource");

    let strict = json!({"source": "CUSTOM", "absolute_minutes": 240, "idle_enabled": true, "idle_minutes": 30});
    world.edit("org_3", &json!({"policy": strict}));
    world.apply("tight", &org("org_3", ", mode: TightenOnly"));
    let object = world.until("tight", "True", "StricterKept");
    recorder.record(&world, "stricter than declared", &object, "Healthy", "StricterKept: ");

    world.apply("acme", &org("org_1", ", suspend: true"));
    let object = world.until("acme", "Unknown", "Suspended");
    recorder.record(&world, "suspended", &object, "Suspended", "spec.suspend");

    world.kill_operator();
    world.apply("tight", "{organization: {id: org_3}, policy: {policySource: APPLICATION}}");
    let object = world.resource("tight").unwrap();
    recorder.record(&world, "edited while the operator is away", &object, "Progressing", "not reconciled");
}

async fn writing(recorder: &mut Recorder) {
    let mut world = World::without_operator(json!({})).await;
    let silence = json!({"kind": "slow_headers", "delay_ms": 60_000});
    world.admin("POST", "faults", &json!({"method": "PATCH", "path": POLICY, "fault": silence}));
    world.start_operator();
    world.apply("acme", &org("org_1", ""));
    let count = format!("journal/count?method=PATCH&path={POLICY}");
    let arrived = || world.admin("GET", &count, &Value::Null)["count"] == 1;
    eventually("the write that hangs", 60, || arrived().then_some(()));
    world.kill_operator(); // so that the state stays
    let object = world.resource("acme").unwrap();
    recorder.record(&world, "being written", &object, "Progressing", "Progressing: applying");

    let world = World::without_operator(json!({})).await;
    let mut world = world;
    let refusal = json!({"kind": "refuse", "status": 400});
    world.admin("POST", "faults", &json!({"method": "PATCH", "path": POLICY, "times": "forever", "fault": refusal}));
    world.start_operator();
    world.apply("acme", &org("org_1", ""));
    let object = world.until("acme", "False", "RejectedByApi");
    recorder.record(&world, "declined by Scalekit", &object, "Degraded", "RejectedByApi: ");
}

async fn outage(recorder: &mut Recorder) {
    let mut world = World::without_operator(json!({})).await;
    world.admin("POST", "faults", &down());
    world.start_operator();
    world.apply("acme", &org("org_1", ""));
    let object = world.until("acme", "Unknown", "ApiUnavailable");
    recorder.record(&world, "Scalekit is down while something is pending", &object, "Progressing", "ApiUnavailable: ");

    world.admin("DELETE", "faults", &Value::Null);
    world.until("acme", "True", "InSync");
    world.admin("POST", "faults", &down());
    let object = world.until("acme", "Unknown", "Stale");
    recorder.record(&world, "Scalekit has been down for three intervals", &object, "Degraded", "Stale: ");

    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let object = world.until("acme", "False", "CleanupPending");
    recorder.record(&world, "deleted while Scalekit is down", &object, "Progressing", "CleanupPending: ");
}

async fn credentials(recorder: &mut Recorder) {
    let mut world = World::without_operator(json!({})).await;
    world.start_with(&[]);
    world.apply("acme", &org("org_1", ", credentialsSecretRef: {name: scalekit}"));
    let object = world.until("acme", "False", "CredentialsMissing");
    recorder.record(&world, "its Secret is not there", &object, "Progressing", "CredentialsMissing: ");

    world.apply_secret("scalekit", "wrong");
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=1"]);
    let object = world.until("acme", "False", "CredentialsRejected");
    recorder.record(&world, "its credentials are wrong", &object, "Degraded", "CredentialsRejected: ");

    world.apply_secret("scalekit", "test_simulator");
    world.kubectl(&["annotate", "--overwrite", "osp", "acme", "reconcile.fluxcd.io/requestedAt=2"]);
    world.until("acme", "True", "InSync");
    world.kill_operator(); // it would still have the token
    world.kubectl(&["delete", "secret", "scalekit"]);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.start_with(&[]);
    let object = world.until("acme", "False", "CredentialsMissing");
    recorder.record(&world, "deleted and held: its Secret is gone", &object, "Progressing", "the resource goes at");
}

#[tokio::test(flavor = "multi_thread")]
async fn argocd_sees_every_state_of_a_real_run_as_a_person_expects() {
    let mut recorder = Recorder::default();
    steady(&mut recorder).await;
    writing(&mut recorder).await;
    outage(&mut recorder).await;
    credentials(&mut recorder).await;
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&recorder.0).unwrap() + "\n";
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), text).unwrap();
    }
    let shapes = |rows: &[Row]| rows.iter().map(Row::shape).collect::<Vec<_>>();
    assert_eq!(
        shapes(&recorder.0),
        shapes(&rows()),
        "{FILE} is not what a real run gives; if that is meant, run\n\n    UPDATE=1 cargo test --test it argocd::real_runs\n"
    );
}
