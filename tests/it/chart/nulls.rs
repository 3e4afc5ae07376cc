//! `--set NAME=null` takes a value away, also one that has a default. Then it is as if nobody had set it, or the chart
//! says which one is missing: nothing is left out, or rendered without it, unseen.

use super::{CHART, merged, try_render, values::nested, with_image};
use serde_json::{Value, json};
use std::{fs, thread};

/// Where null has a meaning of its own: the platform chooses the ids, and there is no request or limit.
const MEANT: [&str; 2] = ["podSecurityContext.", "resources."];

/// The paths of all values, those included that have values of their own.
fn paths(values: &Value, path: &str) -> Vec<String> {
    let fields = values.as_object().into_iter().flatten();
    let below = |(name, value): (&String, &Value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        [paths(value, &path), vec![path]].concat()
    };
    fields.flat_map(below).collect()
}

fn without(values: &Value, path: &str) -> Value {
    let mut values = values.clone();
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
    values.pointer_mut(&parent).and_then(Value::as_object_mut).map(|fields| fields.remove(name));
    values
}

/// What is wrong with null at this place, among these values.
fn wrong(values: &Value, path: &str) -> Option<String> {
    let (unset, null) = (try_render(&without(values, path)), try_render(&merged(values, &nested(path, Value::Null))));
    let name = path.rsplit('.').next().unwrap_or_default();
    match null {
        Err(said) if said.contains(&format!("missing property '{name}'")) => None,
        null if null == unset => None,
        Err(said) => Some(format!("{path}: {said}")),
        Ok(_) => Some(format!("{path}: null renders something else than the default")),
    }
}

#[test]
fn a_value_that_is_null_has_its_default_or_is_refused_by_its_name() {
    let defaults: Value = serde_yaml::from_str(&fs::read_to_string(format!("{CHART}/values.yaml")).unwrap()).unwrap();
    let all = paths(&defaults, "");
    let asked: Vec<_> = all.iter().filter(|path| !MEANT.iter().any(|meant| path.starts_with(meant))).collect();
    assert!(asked.len() > 80 && asked.len() + 8 == all.len(), "{asked:?}");
    let enabled = || json!({"enabled": true});
    let few = with_image(&json!({}));
    let many = with_image(&json!({
        "admissionPolicy": enabled(), "maxTimeouts": enabled(), "uninstall": enabled(),
        "networkPolicy": {"metricsFrom": [{"podSelector": {}}]}, "tracing": {"endpoint": "http://collector:4318"},
        "metrics": {"serviceMonitor": enabled(), "prometheusRule": enabled(), "dashboard": enabled()},
        "trustedCA": {"configMap": "authorities"}, "defaultCredentials": {"existingSecret": "scalekit"},
    }));
    let of = |paths: &[&String]| -> Vec<String> {
        paths.iter().flat_map(|path| [&few, &many].into_iter().filter_map(|values| wrong(values, path))).collect()
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let of = &of;
        let parts: Vec<_> = asked.chunks(asked.len().div_ceil(4)).collect();
        let running: Vec<_> = parts.into_iter().map(|paths| scope.spawn(move || of(paths))).collect();
        running.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_id_or_a_limit_that_is_null_is_left_to_the_platform() {
    let null = json!({"podSecurityContext": {"runAsUser": null, "runAsGroup": null, "fsGroup": null},
        "resources": {"requests": null, "limits": null}});
    let objects = super::render(&null);
    let pod = &super::find(&objects, "Deployment/session-policy-operator").unwrap()["spec"]["template"]["spec"];
    let context = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    assert_eq!((&pod["securityContext"], &pod["containers"][0]["resources"]), (&context, &json!({})));
}
