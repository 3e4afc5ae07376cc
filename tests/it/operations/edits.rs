//! Generated specs: each differs from the one before in a field or two.

use fastrand::Rng;
use serde_json::{Value, json};

/// A Secret with usable credentials, one that is not there, and one without a key.
pub const SECRETS: [&str; 3] = ["good", "missing", "incomplete"];

/// What everything begins with.
pub fn first() -> Value {
    json!({"policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 480, "absoluteSessionTimeoutUnit": "MINUTES"}})
}

/// `spec` with other values in one or two fields.
pub fn edited(spec: &Value, random: &mut Rng) -> Value {
    let mut next = spec.clone();
    while next == *spec {
        for _ in 0..random.u32(1..=2) {
            change(&mut next, random);
        }
    }
    next
}

fn change(spec: &mut Value, random: &mut Rng) {
    let one_of = |random: &mut Rng, words: &[&str]| json!(words[random.usize(..words.len())]);
    match random.u32(..16) {
        0..=6 => spec["policy"] = policy(random),
        7..=8 => spec["mode"] = one_of(random, &["Enforce", "Enforce", "TightenOnly", "Observe"]),
        9..=10 => spec["deletionPolicy"] = one_of(random, &["Revert", "Retain", "Restore"]),
        11 => spec["suspend"] = json!(random.u32(..3) == 0),
        12..=13 => spec["interval"] = one_of(random, &["1h", "90m", "1h", "5s"]), // the last one is too short
        _ if random.bool() => drop(spec.as_object_mut().unwrap().remove("credentialsSecretRef")),
        _ => spec["credentialsSecretRef"] = json!({"name": SECRETS[random.usize(..SECRETS.len())]}),
    }
    // a value that is the default anyway is no edit
    for (field, default) in [("mode", json!("Enforce")), ("deletionPolicy", json!("Revert")), ("suspend", json!(false))]
    {
        if spec[field] == default || spec[field].is_null() {
            spec.as_object_mut().unwrap().remove(field);
        }
    }
}

fn policy(random: &mut Rng) -> Value {
    if random.u32(..5) == 0 {
        return json!({"policySource": "APPLICATION"});
    }
    let (unit, most) = [("MINUTES", 43_200), ("HOURS", 720), ("DAYS", 30)][random.usize(..3)];
    let absolute = random.i64(1..=most);
    let mut policy =
        json!({"policySource": "CUSTOM", "absoluteSessionTimeout": absolute, "absoluteSessionTimeoutUnit": unit});
    if random.bool() {
        policy["idleSessionTimeoutEnabled"] = json!(true);
        // as long as the other at most, which is refused
        policy["idleSessionTimeout"] = json!(random.i64(1..=absolute));
        policy["idleSessionTimeoutUnit"] = json!(unit);
    }
    if random.u32(..10) == 0 {
        policy.as_object_mut().unwrap().remove("absoluteSessionTimeoutUnit"); // refused with a small number
    }
    policy
}

/// What somebody else makes of the live policy.
pub fn drift(random: &mut Rng) -> Value {
    match random.u32(..3) {
        0 => json!({"source": "APPLICATION"}),
        _ => {
            json!({"source": "CUSTOM", "absolute_minutes": random.i64(60..=43_200), "idle_enabled": false, "idle_minutes": null})
        }
    }
}

#[test]
fn the_edits_are_of_every_field_and_some_are_bad() {
    let mut random = Rng::with_seed(7);
    let mut spec = first();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        spec = edited(&spec, &mut random);
        seen.extend(spec.as_object().unwrap().iter().map(|(field, value)| format!("{field} {value}")));
        seen.insert(format!("source {}", spec["policy"]["policySource"]));
    }
    for expected in [
        "credentialsSecretRef {\"name\":\"missing\"}",
        "deletionPolicy \"Restore\"",
        "interval \"5s\"",
        "mode \"Observe\"",
        "source \"APPLICATION\"",
        "source \"CUSTOM\"",
        "suspend true",
    ] {
        assert!(seen.contains(expected), "{expected}");
    }
}
