//! Wrong values are refused before anything is installed, and the message names them.

use super::{CHART, helm, try_render, with_image};
use serde_json::{Value, json};
use std::{fs, process::Command};

/// The longest name of the objects: `-uninstall-1000` behind it makes 63 characters.
const LONGEST: usize = 48;

/// Values that are refused, and what the message has to contain.
fn refused() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"replica": 2}), "'replica' not allowed"),
        (json!({"operator": {"resync": "5m"}}), "'resync' not allowed"),
        (json!({"operator": {"resyncInterval": "5 minutes"}}), "/operator/resyncInterval"),
        (json!({"operator": {"revertDelay": 10}}), "/operator/revertDelay"),
        (json!({"operator": {"rateLimit": 0}}), "/operator/rateLimit"),
        (json!({"operator": {"rateLimit": "fast"}}), "/operator/rateLimit"),
        (json!({"operator": {"rateLimit": 1e6}}), "/operator/rateLimit"),
        (json!({"operator": {"rateLimit": "0.001"}}), "/operator/rateLimit"),
        (json!({"operator": {"rateLimit": "10001"}}), "/operator/rateLimit"),
        (json!({"operator": {"gatewayTimeout": "0s"}}), "operator.gatewayTimeout is 0s: it must be at least 100ms"),
        (
            json!({"operator": {"resyncInterval": "0.0s99ms"}}),
            "operator.resyncInterval is 0.0s99ms: it must be at least",
        ),
        (
            json!({"operator": {"requestTimeout": "301s"}}),
            "operator.requestTimeout is 301s: it must be at least 100ms and at most 5m",
        ),
        (json!({"operator": {"proxy": "proxy:3128"}}), "/operator/proxy"),
        (json!({"operator": {"proxy": "ftp://proxy"}}), "/operator/proxy"),
        (json!({"operator": {"proxy": "http://proxy:99999"}}), "/operator/proxy"),
        (json!({"operator": {"proxy": "http://user:password@proxy"}}), "/operator/proxy"), // anybody may read arguments
        (json!({"operator": {"logFormat": "xml"}}), "/operator/logFormat"),
        (json!({"operator": {"logLevel": "verbose"}}), "/operator/logLevel"), // the name of a target: nothing else is logged
        (json!({"operator": {"logLevel": "info,kube_client"}}), "/operator/logLevel"),
        (json!({"operator": {"allowedHosts": ["https://x"]}}), "/operator/allowedHosts/0"),
        (json!({"image": {"digest": "sha256:1"}}), "/image/digest"),
        (json!({"image": {"repository": "registry.example/operator:v1"}}), "/image/repository"), // image.tag is for that
        (json!({"image": {"repository": "registry.example:5000"}}), "/image/repository"),
        (json!({"image": {"repository": "registry.example/a..b"}}), "/image/repository"),
        (json!({"image": {"repository": "registry.example//operator"}}), "/image/repository"),
        (json!({"image": {"pullPolicy": "Sometimes"}}), "/image/pullPolicy"),
        (json!({"replicas": -1}), "/replicas"),
        (json!({"watchNamespaces": "a"}), "/watchNamespaces"),
        (json!({"watchNamespaces": ["A"]}), "/watchNamespaces/0"),
        (json!({"watchNamespaces": ["a", "a"]}), "/watchNamespaces"),
        (json!({"httpPort": 80}), "/httpPort"),
        (json!({"extraArgs": ["uninstall"]}), "/extraArgs/0"),
        (json!({"extraArgs": ["--proxy http://proxy:3128"]}), "/extraArgs/0"), // one argument with a blank in it
        (json!({"extraArgs": ["--"]}), "/extraArgs/0"),
        (json!({"extraArgs": ["--version"]}), "/extraArgs/0"),
        (json!({"extraEnv": [{"name": "A", "value": 1}]}), "/extraEnv/0/value"),
        (json!({"extraEnv": [{"name": "A=B", "value": "1"}]}), "/extraEnv/0/name"),
        (json!({"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}), "extraEnv has A twice"),
        (json!({"podSecurityContext": {"runAsUser": 0}}), "/podSecurityContext/runAsUser"),
        (json!({"podSecurityContext": {"runAsNonRoot": false}}), "'runAsNonRoot' not allowed"),
        (json!({"admissionPolicy": {"validationActions": ["Allow"]}}), "/admissionPolicy/validationActions/0"),
        (json!({"admissionPolicy": {"validationActions": ["Deny", "Warn"]}}), "/admissionPolicy/validationActions"),
        (json!({"maxTimeouts": {"validationActions": ["Warn", "Audit", "Deny"]}}), "/maxTimeouts/validationActions"),
        (json!({"maxTimeouts": {"absolute": "1 day"}}), "/maxTimeouts/absolute"),
        (json!({"maxTimeouts": {"validationActions": []}}), "/maxTimeouts/validationActions"),
        (json!({"networkPolicy": {"ports": ["https"]}}), "/networkPolicy/ports/0"),
        (json!({"networkPolicy": {"dnsPorts": ["domain"]}}), "/networkPolicy/dnsPorts/0"),
        (json!({"networkPolicy": {"dnsPorts": []}}), "/networkPolicy/dnsPorts"), // that would be all ports
        (json!({"networkPolicy": {"dnsPorts": null}}), "missing property 'dnsPorts'"), // and this
        (json!({"networkPolicy": {"ports": null}}), "missing property 'ports'"),
        (json!({"networkPolicy": {"metricsFrom": [{}]}}), "/networkPolicy/metricsFrom/0"), // no peer, says the API server
        (json!({"fullnameOverride": "Osp"}), "/fullnameOverride"),
        (json!({"fullnameOverride": "my.osp"}), "/fullnameOverride"),
        (json!({"fullnameOverride": "my_osp"}), "/fullnameOverride"),
        (json!({"fullnameOverride": "osp-"}), "/fullnameOverride"),
        (json!({"fullnameOverride": "1osp"}), "/fullnameOverride"), // no Service may be called that
        (json!({"fullnameOverride": "x".repeat(LONGEST + 1)}), "/fullnameOverride"),
        (json!({"nameOverride": "Osp"}), "/nameOverride"),
        (json!({"nameOverride": "my.osp"}), "/nameOverride"),
        (json!({"nameOverride": "-osp"}), "/nameOverride"),
        (json!({"nameOverride": "x".repeat(LONGEST + 1)}), "/nameOverride"),
        (json!({"leaderElection": {"leaseName": "a..b"}}), "/leaderElection/leaseName"),
        (json!({"serviceAccount": {"name": "a.-b"}}), "/serviceAccount/name"),
        (json!({"metrics": {"prometheusRule": {"runbookUrl": "docs/operations.md"}}}), "/prometheusRule/runbookUrl"),
        (json!({"metrics": {"prometheusRule": {"runbookUrl": "https://a.example/#a"}}}), "/prometheusRule/runbookUrl"),
        (json!({"tracing": {"endpoint": "collector:4317"}}), "/tracing/endpoint"),
        (json!({"tracing": {"endpoint": "http://collector:99999"}}), "/tracing/endpoint"),
        (json!({"tracing": {"resourceAttributes": {"a": "b,c=d"}}}), "/tracing/resourceAttributes/a"),
        (json!({"tracing": {"resourceAttributes": {"a=b": "c"}}}), "invalid propertyName 'a=b'"),
        (json!({"crds": {"install": "yes"}}), "/crds/install"),
        (json!({"terminationGracePeriodSeconds": 0}), "/terminationGracePeriodSeconds"),
    ]
}

#[test]
fn a_wrong_value_is_refused_and_named() {
    let wrong = |(values, says): (Value, &str)| match try_render(&with_image(&values)) {
        Ok(_) => Some(format!("{values} is accepted")),
        Err(said) => (!said.contains(says)).then(|| format!("{values}: {said}")),
    };
    let wrong: Vec<_> = refused().into_iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_that_do_not_go_together_are_refused_with_the_reason() {
    let scraped = json!({"metrics": {"serviceMonitor": {"enabled": true}}});
    let every = |interval: &str| {
        json!({"networkPolicy": {"metricsFrom": [{"podSelector": {}}]},
            "metrics": {"serviceMonitor": {"enabled": true, "interval": interval}}})
    };
    let together = [
        (json!({"leaderElection": {"enabled": false}}), "replicas above 1 need leaderElection.enabled"),
        (scraped.clone(), "name it in networkPolicy.metricsFrom"),
        (json!({"metrics": {"service": false, "serviceMonitor": {"enabled": true}}}), "needs metrics.service"),
        (
            json!({"metrics": {"prometheusRule": {"enabled": true}}}),
            "metrics.prometheusRule needs metrics.serviceMonitor",
        ),
        (json!({"uninstall": {"hook": true}}), "uninstall.hook and uninstall.policies=revert need uninstall.enabled"),
        (json!({"uninstall": {"policies": "revert", "revision": 1}}), "need uninstall.enabled"),
        (json!({"uninstall": {"enabled": true, "policies": "revert"}}), "add --set uninstall.revision=1"),
        (json!({"uninstall": {"enabled": true, "policies": "revert", "revision": 2}}), "for this revision alone"),
        (every("10m"), "metrics.serviceMonitor.interval is 10m: it must be at least 1s and at most 2m"),
        (every("0s"), "metrics.serviceMonitor.interval is 0s"),
        (
            json!({"terminationGracePeriodSeconds": 34}),
            "terminationGracePeriodSeconds is 34: a pod that stops needs 35",
        ),
        (
            json!({"terminationGracePeriodSeconds": 60, "operator": {"requestTimeout": "23s"}}),
            "terminationGracePeriodSeconds is 60: a pod that stops needs 61",
        ),
        (json!({"serviceAccount": {"create": false}}), "serviceAccount.name has to name the operator's own"),
        (json!({"serviceAccount": {"create": false, "name": "default"}}), "would have the operator's permissions"),
    ];
    for (values, says) in together {
        let said = try_render(&with_image(&values)).unwrap_err();
        assert!(said.contains(says), "{values}: {said}");
    }
    let said = try_render(&json!({})).unwrap_err();
    assert!(said.contains("image.repository is not set"), "{said}");
    let template = ["template", "x", CHART, "-f", "-"]; // of a cluster without Prometheus' operator
    let said = helm(&template, &with_image(&scraped), None).unwrap_err();
    assert!(said.contains("need Prometheus' operator"), "{said}");
}

#[test]
fn what_the_chart_sets_itself_cannot_be_set_a_second_time() {
    let label = "app.kubernetes.io/instance";
    let (traced, ca) = (json!({"endpoint": "http://x:4318"}), json!({"configMap": "ca"}));
    let monitored = |over: Value| {
        super::merged(&json!({"networkPolicy": {"metricsFrom": [{"podSelector": {}}]}}), &json!({"metrics": over}))
    };
    let twice = [
        (json!({"podLabels": {label: "x"}}), format!("podLabels may not set {label}")),
        (
            json!({"podLabels": {"app.kubernetes.io/component": "x"}}),
            "podLabels may not set app.kubernetes.io/c".into(),
        ),
        (
            monitored(json!({"serviceMonitor": {"enabled": true, "labels": {label: "x"}}})),
            format!("metrics.serviceMonitor.labels may not set {label}"),
        ),
        (
            monitored(
                json!({"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true, "labels": {label: "x"}}}),
            ),
            format!("metrics.prometheusRule.labels may not set {label}"),
        ),
        (
            monitored(json!({"dashboard": {"enabled": true, "labels": {label: "x"}}})),
            format!("metrics.dashboard.labels may not set {label}"),
        ),
        (json!({"extraEnv": [{"name": "RUST_LOG", "value": "x"}]}), "extraEnv may not set RUST_LOG".into()),
        (
            json!({"extraEnv": [{"name": "OSP_LEADER_ELECT", "value": "false"}]}),
            "extraEnv may not set OSP_LEADER_ELECT".into(), // two replicas would write everything twice
        ),
        (
            json!({"trustedCA": ca, "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/x"}]}),
            "extraEnv may not set SSL_CERT_FILE".into(),
        ),
        (
            json!({"extraEnv": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://x:4318"}]}),
            "extraEnv may not set OTEL_EXPORTER_OTLP_ENDPOINT".into(), // the network policy has the port of tracing.endpoint
        ),
        (json!({"extraArgs": ["--lease-name=x"]}), "extraArgs may not set --lease-name".into()),
        (json!({"extraArgs": ["--leader-elect=false"]}), "extraArgs may not set --leader-elect".into()),
        (
            json!({"extraArgs": ["--watch-namespace=b"]}),
            "extraArgs may not set --watch-namespace".into(), // the ClusterRole would stay
        ),
        (
            json!({"tracing": super::merged(&traced, &json!({"resourceAttributes": {"k8s.pod.name": "x"}}))}),
            "tracing.resourceAttributes may not set k8s.pod.name".into(),
        ),
    ];
    for (values, says) in twice {
        let said = try_render(&with_image(&values)).unwrap_err();
        assert!(said.contains(&says), "{values}: {said}");
    }
}

#[test]
fn every_option_of_the_operator_is_set_by_the_chart_alone_or_left_to_the_extra_arguments() {
    let help = Command::new(env!("CARGO_BIN_EXE_session-policy-operator")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let options = flags.filter_map(|rest| rest.split([' ', '[', '=']).next()).filter(|name| !name.is_empty());
    let mut free = Vec::new();
    for option in options.chain(["pod-namespace"]) {
        let flag = format!("--{option}");
        let variable = match option {
            "pod-namespace" => "POD_NAMESPACE".to_owned(),
            option => format!("OSP_{}", option.to_uppercase().replace('-', "_")),
        };
        // without its value, the variable may have one with a password
        let proxied = if option == "proxy" { json!({"operator": {"proxy": "env"}}) } else { json!({}) };
        let refused = |values: Value, says: String| match try_render(&super::merged(&with_image(&values), &proxied)) {
            Ok(_) => false,
            Err(said) => said.contains(&says) || panic!("{said}"),
        };
        let forms = [
            refused(json!({"extraArgs": [format!("{flag}=x")]}), format!("extraArgs may not set {flag}")),
            refused(json!({"extraArgs": [flag]}), format!("extraArgs may not set {flag}")),
            refused(
                json!({"extraEnv": [{"name": variable, "value": "x"}]}),
                format!("extraEnv may not set {variable}"),
            ),
        ];
        assert!(forms.iter().all(|form| *form == forms[0]), "{option}: {forms:?}");
        if !forms[0] {
            free.push(option.to_owned());
        }
    }
    assert_eq!(free, ["allow-http"], "no permission and no volume depends on these");
}

#[test]
fn a_release_whose_name_no_service_may_have_is_told_to_set_another_and_a_long_one_is_cut() {
    let template = |release: &str, values: &Value| {
        helm(&["template", release, CHART, "-f", "-"], &with_image(values), None).map(|text| super::documents(&text))
    };
    for release in ["a.b", "1a"] {
        let said = template(release, &json!({})).unwrap_err();
        assert!(said.contains("can't be the name of a Service: set fullnameOverride"), "{release}: {said}");
        template(release, &json!({"fullnameOverride": "osp"})).unwrap();
    }
    let uninstalling = json!({"uninstall": {"enabled": true}});
    for release in ["r".repeat(53), format!("{}--{}", "r".repeat(LONGEST - 2), "s".repeat(3))] {
        for object in template(&release, &uninstalling).unwrap() {
            let name = object["metadata"]["name"].as_str().unwrap();
            let label = name.len() <= 63 && !name.ends_with('-') && !name.contains("---");
            assert!(object["kind"] == "CustomResourceDefinition" || label, "{name}");
        }
    }
}

#[test]
fn what_looks_like_a_number_or_has_quotes_stays_the_text_that_it_is() {
    let values = with_image(&json!({
        "image": {"repository": "registry.example:5000/team/operator"},
        "nameOverride": "1", "fullnameOverride": "osp", "priorityClassName": "1e3",
        "serviceAccount": {"name": "123"}, "leaderElection": {"leaseName": "0x1"},
        "defaultCredentials": {"existingSecret": "456"}, "trustedCA": {"configMap": "true", "key": "1.5"},
        "tracing": {"endpoint": "http://collector:65535", "resourceAttributes": {"team": "the \"core\" \\ team"}},
    }));
    for namespaces in [json!([]), json!(["789"])] {
        let values = super::merged(&values, &json!({"watchNamespaces": namespaces}));
        let objects =
            super::documents(&helm(&["template", "12", CHART, "-n", "34", "-f", "-"], &values, None).unwrap());
        let pod = &super::find(&objects, "Deployment/osp").unwrap()["spec"]["template"];
        let container = &pod["spec"]["containers"][0];
        assert_eq!(container["image"], "registry.example:5000/team/operator:0.1.0");
        assert_eq!(pod["spec"]["serviceAccountName"], "123");
        let attributes = "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),team=the \"core\" \\ team";
        let shown = container["env"].as_array().unwrap().iter().any(|variable| variable["value"] == attributes);
        assert!(shown, "{container:#}");
        let numbers: Vec<_> = objects.iter().flat_map(|object| not_text(object, "")).collect();
        assert!(numbers.is_empty(), "{numbers:#?}");
    }
}

/// Names, namespaces and labels that are no texts.
fn not_text(value: &Value, path: &str) -> Vec<String> {
    let is_text = ["name", "namespace", "secretName", "serviceAccountName", "priorityClassName", "image"];
    let below = |key: &str, value: &Value| {
        let path = format!("{path}/{key}");
        let parent = path.rsplit('/').nth(1).unwrap_or_default();
        let text = is_text.contains(&key) || ["labels", "matchLabels", "args"].contains(&parent);
        let wrong = text && !value.is_string() && !value.is_object();
        wrong.then(|| format!("{path}: {value}")).into_iter().chain(not_text(value, &path)).collect::<Vec<_>>()
    };
    match value {
        _ if path.ends_with("/openAPIV3Schema") => Vec::new(),
        Value::Object(fields) => fields.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(values) => {
            values.iter().enumerate().flat_map(|(nth, value)| below(&nth.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_single_replica_can_be_evicted_and_is_not_kept_from_a_node() {
    let objects = super::render(&json!({"replicas": 1}));
    let budget = &super::find(&objects, "PodDisruptionBudget/session-policy-operator").unwrap()["spec"];
    assert_eq!((&budget["maxUnavailable"], &budget["minAvailable"]), (&json!(1), &Value::Null));
    let deployment = super::find(&objects, "Deployment/session-policy-operator").unwrap();
    let spread = &deployment["spec"]["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(spread[0]["whenUnsatisfiable"], "ScheduleAnyway");
}

/// The paths of the properties in a schema.
fn properties(schema: &Value, path: &str) -> Vec<String> {
    let own = schema["properties"].as_object().into_iter().flatten();
    own.flat_map(|(name, below)| {
        let path = format!("{path}/{name}");
        [properties(below, &path), vec![path]].concat()
    })
    .collect()
}

#[test]
fn the_schema_knows_no_value_that_the_chart_does_not_have() {
    let file = |name: &str| fs::read_to_string(format!("{CHART}/{name}")).unwrap();
    let schema: Value = serde_json::from_str(&file("values.schema.json")).unwrap();
    let values: Value = serde_yaml::from_str(&file("values.yaml")).unwrap();
    // what Helm itself adds, and the parts of Kubernetes' own objects
    let others = ["/global", "/admissionPolicy/namespaceSelector/", "/resources/claims"];
    let unknown = |path: &String| values.pointer(path).is_none() && !others.iter().any(|other| path.starts_with(other));
    let unknown: Vec<_> = properties(&schema, "").into_iter().filter(unknown).collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn the_defaults_pass_the_linter() {
    let lint = ["lint", "--strict", CHART, "-f", "-"];
    let said = helm(&lint, &with_image(&json!({})), None).unwrap();
    assert!(said.contains("0 chart(s) failed"), "{said}");
}

#[test]
fn the_chart_names_the_version_of_the_operator() {
    let chart: Value = serde_yaml::from_str(&fs::read_to_string(format!("{CHART}/Chart.yaml")).unwrap()).unwrap();
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_default_that_a_value_names_in_its_comment_is_that_of_the_operator() {
    let help = Command::new(env!("CARGO_BIN_EXE_session-policy-operator")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let values = fs::read_to_string(format!("{CHART}/values.yaml")).unwrap();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for line in values.lines() {
        if line.ends_with(" if empty") {
            continue; // another default than the operator's own
        }
        let Some((name, comment)) = line.split_once(r#": "" # "#).or_else(|| line.split_once(": null # ")) else {
            continue;
        };
        if name.trim() == "leaseName" {
            continue; // the chart has a default of its own
        }
        let flag: String = name
            .trim()
            .chars()
            .flat_map(|c| if c.is_uppercase() { vec!['-', c.to_ascii_lowercase()] } else { vec![c] })
            .collect();
        let Some(about) = help.split(&format!("--{flag} <")).nth(1) else { continue };
        let default = about.split("[default: ").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        compared += 1;
        if comment.split(' ').next() != Some(default) {
            wrong.push(format!("{line}: it is {default}"));
        }
    }
    assert!(wrong.is_empty() && compared == 8, "{compared} {}", wrong.join("\n"));
}
