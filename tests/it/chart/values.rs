//! Every value of the chart does what its comment says.

use super::{CHART, CONTAINER, find, merged, render, try_render, with_image};
use serde_json::{Value, json};
use std::{collections::HashMap, fs, sync::Mutex, thread};

const DEPLOYMENT: &str = "Deployment/session-policy-operator";
const DASHBOARD: &str = "ConfigMap/session-policy-operator-dashboard";

/// With this value, the object has this at this place; without it, it has not. An array has each of its
/// elements, and an object that has `true` at its root is there.
struct Row {
    value: &'static str,
    set: Value,
    object: &'static str,
    at: String,
    has: Value,
    /// Other values, without which this one does nothing.
    with: Value,
}

impl Row {
    fn with(mut self, with: Value) -> Self {
        self.with = with;
        self
    }
}

fn row(value: &'static str, set: Value, object: &'static str, at: &str, has: Value) -> Row {
    Row { value, set, object, at: at.to_owned(), has, with: json!({}) }
}

fn there(value: &'static str, set: Value, object: &'static str, there: bool) -> Row {
    row(value, set, object, "", json!(there))
}

fn pod(value: &'static str, set: Value, field: &str, has: Value) -> Row {
    row(value, set, DEPLOYMENT, &format!("/spec/template/spec/{field}"), has)
}

fn container(value: &'static str, set: Value, field: &str, has: Value) -> Row {
    row(value, set, DEPLOYMENT, &format!("{CONTAINER}/{field}"), has)
}

fn argument(value: &'static str, set: Value, argument: &str) -> Row {
    container(value, set, "args", json!(argument))
}

fn rows() -> Vec<Row> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let by_digest = format!("registry.example/operator@{digest}");
    let tolerations = json!([{"key": "dedicated", "operator": "Exists"}]);
    let affinity = json!({"nodeAffinity": {}});
    let peers = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]);
    let spread = json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]);
    let authorities = json!({"name": "SSL_CERT_DIR", "value": "/certs"});
    let secret = json!({"secretKeyRef": {"name": "proxy", "key": "url"}});
    let secret_proxy = json!({"name": "OSP_PROXY", "valueFrom": secret});
    let file =
        |name: &str| json!({"name": "SSL_CERT_FILE", "value": format!("/etc/session-policy-operator/ca/{name}")});
    let single = || json!({"replicas": 1});
    let ca = || json!({"trustedCA": {"configMap": "authorities"}});
    let bound = || json!({"admissionPolicy": {"enabled": true}});
    let limited = || json!({"maxTimeouts": {"enabled": true}});
    let most = "ValidatingAdmissionPolicy/max-timeouts.scalekit.com";
    let limits = "/spec/variables/3/expression";
    let scraped = |monitor: Value| {
        merged(&json!({"networkPolicy": {"metricsFrom": [{"podSelector": {}}]}}), &json!({"metrics": monitor}))
    };
    let monitored = || scraped(json!({"serviceMonitor": {"enabled": true}}));
    let pictured = || json!({"metrics": {"dashboard": {"enabled": true}}});
    let alerted = || scraped(json!({"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}));
    let endpoint = json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"});
    let attributes = "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),a.b=c";
    let attributes = json!({"name": "OTEL_RESOURCE_ATTRIBUTES", "value": attributes});
    let traced = || json!({"tracing": {"endpoint": "http://collector:4318"}});
    let uninstalling = || json!({"uninstall": {"enabled": true}});
    let job = "Job/session-policy-operator-uninstall-1";
    let policy = "NetworkPolicy/session-policy-operator";
    let port = |port: u16| json!({"port": port, "protocol": "TCP"});
    let label = |value: &str| json!({"team": value});
    vec![
        container("image.repository", json!("example.com/x"), "image", json!("example.com/x:0.1.0")),
        container("image.tag", json!("9"), "image", json!("registry.example/operator:9")),
        container("image.digest", json!(digest), "image", json!(by_digest)),
        container("image.pullPolicy", json!("Always"), "imagePullPolicy", json!("Always")),
        pod("imagePullSecrets", json!([{"name": "registry"}]), "imagePullSecrets", json!([{"name": "registry"}])),
        there("nameOverride", json!("osp"), "Deployment/session-policy-operator-osp", true),
        there("fullnameOverride", json!("osp"), "Deployment/osp", true),
        row("replicas", json!(1), DEPLOYMENT, "/spec/replicas", json!(1)),
        argument("leaderElection.enabled", json!(false), "--leader-elect=false").with(single()),
        row("leaderElection.enabled", json!(false), DEPLOYMENT, "/spec/strategy/type", json!("Recreate"))
            .with(single()),
        there("leaderElection.enabled", json!(false), "Role/session-policy-operator-lease", false).with(single()),
        argument("leaderElection.leaseName", json!("other"), "--lease-name=other"),
        row(
            "leaderElection.leaseName",
            json!("other"),
            "Role/session-policy-operator-lease",
            "/rules/0/resourceNames",
            json!(["other"]),
        ),
        argument("watchNamespaces", json!(["a", "b"]), "--watch-namespace=b"),
        there("watchNamespaces", json!(["a"]), "Role/session-policy-operator", true),
        there("watchNamespaces", json!(["a"]), "ClusterRole/session-policy-operator", false),
        there("watchNamespaces", json!(["a"]), "ClusterRole/session-policy-operator-view", false),
        there("crds.install", json!(false), "CustomResourceDefinition/organizationsessionpolicies.scalekit.com", false),
        pod(
            "defaultCredentials.existingSecret",
            json!("scalekit"),
            "volumes",
            json!({"name": "credentials", "secret": {"secretName": "scalekit", "defaultMode": 0o440}}),
        ),
        argument(
            "defaultCredentials.existingSecret",
            json!("scalekit"),
            "--credentials-dir=/etc/session-policy-operator/credentials",
        ),
        argument("defaultCredentials.namespaces", json!(["all"]), "--default-credentials-for=all"),
        argument("operator.resyncInterval", json!("5m"), "--resync-interval=5m"),
        argument("operator.relistInterval", json!("5m"), "--relist-interval=5m"),
        argument("operator.revertDelay", json!("0s"), "--revert-delay=0s"),
        argument("operator.deletionGrace", json!("5m"), "--deletion-grace=5m"),
        argument("operator.namespaceDeletionGrace", json!("5m"), "--namespace-deletion-grace=5m"),
        argument("operator.disableFeatureOnDelete", json!(true), "--disable-feature-on-delete"),
        argument("operator.requestTimeout", json!("5s"), "--request-timeout=5s"),
        pod("operator.requestTimeout", json!("1m1.5s"), "terminationGracePeriodSeconds", json!(138)),
        argument("operator.gatewayTimeout", json!("5s"), "--gateway-timeout=5s"),
        argument("operator.rateLimit", json!(2.5), "--rate-limit=2.5"),
        argument("operator.rateLimit", json!("1000"), "--rate-limit=1000"),
        argument("operator.allowedHosts", json!(["login.example.com"]), "--allowed-host=login.example.com"),
        argument("operator.proxy", json!("http://proxy:3128"), "--proxy=http://proxy:3128"),
        row("operator.proxy", json!("http://proxy:3128"), policy, "/spec/egress/1/ports", port(3128)),
        row("operator.proxy", json!("socks5://[fd00::1]"), policy, "/spec/egress/1/ports", port(1080)),
        argument("operator.logFormat", json!("json"), "--log-format=json"),
        container("operator.logLevel", json!("debug"), "env", json!({"name": "RUST_LOG", "value": "debug"})),
        argument("extraArgs", json!(["--allow-http"]), "--allow-http"),
        container("extraEnv", json!([authorities]), "env", authorities.clone()),
        container("extraEnv", json!([secret_proxy]), "env", secret_proxy.clone()),
        argument("httpPort", json!(9090), "--http-addr=[::]:9090"),
        container("httpPort", json!(9090), "ports", json!({"name": "http", "containerPort": 9090})),
        row("httpPort", json!(9090), "Service/session-policy-operator-metrics", "/spec/ports/0/port", json!(9090)),
        container("trustedCA.configMap", json!("authorities"), "env", file("ca.crt")),
        pod(
            "trustedCA.configMap",
            json!("authorities"),
            "volumes",
            json!({"name": "ca", "configMap": {"name": "authorities"}}),
        ),
        container("trustedCA.key", json!("all.pem"), "env", file("all.pem")).with(ca()),
        there("serviceAccount.create", json!(false), "ServiceAccount/own", false)
            .with(json!({"serviceAccount": {"name": "own"}})),
        there("serviceAccount.name", json!("other"), "ServiceAccount/other", true),
        pod("serviceAccount.name", json!("other"), "serviceAccountName", json!("other")),
        row(
            "serviceAccount.annotations",
            json!({"a": "b"}),
            "ServiceAccount/session-policy-operator",
            "/metadata/annotations",
            json!({"a": "b"}),
        ),
        there("rbac.create", json!(false), "ClusterRole/session-policy-operator", false),
        there("rbac.create", json!(false), "Role/session-policy-operator-lease", false),
        there("userRoles.create", json!(false), "ClusterRole/session-policy-operator-edit", false),
        row(
            "userRoles.aggregateToView",
            json!(false),
            "ClusterRole/session-policy-operator-view",
            "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-view",
            Value::Null,
        ),
        row(
            "userRoles.aggregateToEdit",
            json!(true),
            "ClusterRole/session-policy-operator-edit",
            "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit",
            json!("true"),
        ),
        there(
            "admissionPolicy.enabled",
            json!(true),
            "ValidatingAdmissionPolicyBinding/organizations.scalekit.com",
            true,
        ),
        row(
            "admissionPolicy.validationActions",
            json!(["Warn"]),
            "ValidatingAdmissionPolicyBinding/organizations.scalekit.com",
            "/spec/validationActions",
            json!(["Warn"]),
        )
        .with(bound()),
        row(
            "admissionPolicy.namespaceSelector",
            json!({"matchLabels": {"tenant": "yes"}}),
            "ValidatingAdmissionPolicyBinding/organizations.scalekit.com",
            "/spec/matchResources/namespaceSelector/matchLabels/tenant",
            json!("yes"),
        )
        .with(bound()),
        there("maxTimeouts.enabled", json!(true), most, true),
        row("maxTimeouts.absolute", json!("8h"), most, limits, json!("['8h', '1h']")).with(limited()),
        row("maxTimeouts.idle", json!(""), most, limits, json!("['24h', '']")).with(limited()),
        row(
            "maxTimeouts.validationActions",
            json!(["Warn"]),
            "ValidatingAdmissionPolicyBinding/max-timeouts.scalekit.com",
            "/spec/validationActions",
            json!(["Warn"]),
        )
        .with(limited()),
        there("networkPolicy.enabled", json!(false), policy, false),
        row("networkPolicy.ports", json!([8443]), policy, "/spec/egress/1/ports", json!([port(8443)])),
        row(
            "networkPolicy.dnsPorts",
            json!([54]),
            policy,
            "/spec/egress/0/ports",
            json!({"port": 54, "protocol": "UDP"}),
        ),
        row("networkPolicy.metricsFrom", peers.clone(), policy, "/spec/ingress/0/from", peers),
        row(
            "networkPolicy.extraEgress",
            json!([{"ports": [port(3128)]}]),
            policy,
            "/spec/egress",
            json!({"ports": [port(3128)]}),
        ),
        there("metrics.service", json!(false), "Service/session-policy-operator-metrics", false),
        there("metrics.serviceMonitor.enabled", json!(true), "ServiceMonitor/session-policy-operator", true)
            .with(scraped(json!({}))),
        row(
            "metrics.serviceMonitor.interval",
            json!("1m"),
            "ServiceMonitor/session-policy-operator",
            "/spec/endpoints/0/interval",
            json!("1m"),
        )
        .with(monitored()),
        row(
            "metrics.serviceMonitor.labels",
            label("a"),
            "ServiceMonitor/session-policy-operator",
            "/metadata/labels/team",
            json!("a"),
        )
        .with(monitored()),
        there("metrics.prometheusRule.enabled", json!(true), "PrometheusRule/session-policy-operator", true)
            .with(monitored()),
        row(
            "metrics.prometheusRule.labels",
            label("a"),
            "PrometheusRule/session-policy-operator",
            "/metadata/labels/team",
            json!("a"),
        )
        .with(alerted()),
        row(
            "metrics.prometheusRule.runbookUrl",
            json!("https://wiki.example/osp"),
            "PrometheusRule/session-policy-operator",
            "/spec/groups/0/rules/0/annotations/runbook_url",
            json!("https://wiki.example/osp#sessionpolicyoperatorabsent"),
        )
        .with(alerted()),
        there("metrics.dashboard.enabled", json!(true), "ConfigMap/session-policy-operator-dashboard", true),
        row("metrics.dashboard.labels", label("a"), DASHBOARD, "/metadata/labels/team", json!("a")).with(pictured()),
        row("metrics.dashboard.annotations", label("a"), DASHBOARD, "/metadata/annotations/team", json!("a"))
            .with(pictured()),
        container("tracing.endpoint", json!("http://collector:4318"), "env", endpoint.clone()),
        row("tracing.endpoint", json!("http://collector:4318"), policy, "/spec/egress/1/ports", port(4318)),
        row("tracing.endpoint", json!("http://collector/otlp"), policy, "/spec/egress/1/ports", port(80)),
        container("tracing.resourceAttributes", json!({"a.b": "c"}), "env", attributes).with(traced()),
        there("podDisruptionBudget", json!(false), "PodDisruptionBudget/session-policy-operator", false),
        pod("priorityClassName", json!("high"), "priorityClassName", json!("high")),
        pod("nodeSelector", label("a"), "nodeSelector", label("a")),
        pod("tolerations", tolerations.clone(), "tolerations", tolerations),
        pod("affinity", affinity.clone(), "affinity", affinity),
        pod("topologySpreadConstraints", json!([]), "topologySpreadConstraints", Value::Null),
        pod("topologySpreadConstraints", spread.clone(), "topologySpreadConstraints", spread),
        row("podAnnotations", label("a"), DEPLOYMENT, "/spec/template/metadata/annotations", label("a")),
        row("podLabels", label("a"), DEPLOYMENT, "/spec/template/metadata/labels/team", json!("a")),
        pod("podSecurityContext.runAsUser", Value::Null, "securityContext/runAsUser", Value::Null),
        pod("podSecurityContext.runAsGroup", json!(7), "securityContext/runAsGroup", json!(7)),
        pod("podSecurityContext.fsGroup", json!(7), "securityContext/fsGroup", json!(7)),
        container("resources.requests.cpu", json!("1"), "resources/requests/cpu", json!("1")),
        container("resources.requests.memory", json!("1Gi"), "resources/requests/memory", json!("1Gi")),
        container("resources.limits.memory", json!("1Gi"), "resources/limits/memory", json!("1Gi")),
        pod("terminationGracePeriodSeconds", json!(60), "terminationGracePeriodSeconds", json!(60)),
        there("uninstall.enabled", json!(true), job, true),
        row("uninstall.enabled", json!(true), DEPLOYMENT, "/spec/replicas", json!(0)),
        row("uninstall.hook", json!(true), job, "/metadata/annotations/helm.sh~1hook", json!("pre-delete"))
            .with(uninstalling()),
        row("uninstall.policies", json!("revert"), job, &format!("{CONTAINER}/args"), json!("--policies=revert"))
            .with(json!({"uninstall": {"enabled": true, "revision": 1}})),
        row("uninstall.revision", json!(1), job, &format!("{CONTAINER}/args"), json!("--policies=revert"))
            .with(json!({"uninstall": {"enabled": true, "policies": "revert"}})),
    ]
}

/// `a.b` with this value, as the chart's values.
pub(super) fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| json!({name: inner}))
}

/// The paths of all values that are no objects with values of their own.
fn leaves(values: &Value, path: &str) -> Vec<String> {
    match values {
        Value::Object(fields) if !fields.is_empty() => {
            let below = |(name, value): (&String, &Value)| leaves(value, &format!("{path}.{name}"));
            fields.iter().flat_map(below).collect()
        }
        _ => vec![path.trim_start_matches('.').to_owned()],
    }
}

fn holds(row: &Row, objects: &[Value]) -> bool {
    let Some(object) = find(objects, row.object) else { return row.has == json!(false) };
    if row.at.is_empty() {
        return row.has == json!(true);
    }
    match object.pointer(&row.at) {
        Some(Value::Array(elements)) if !row.has.is_array() => elements.contains(&row.has),
        found => found.unwrap_or(&Value::Null) == &row.has,
    }
}

#[test]
fn every_value_has_its_effect_and_only_where_it_is_set() {
    let rows = rows();
    let without: Mutex<HashMap<String, Vec<Value>>> = Mutex::default();
    let wrong = |row: &Row| {
        let before = without.lock().unwrap().get(&row.with.to_string()).cloned();
        // without the value it may be refused altogether
        let before = before.unwrap_or_else(|| try_render(&with_image(&row.with)).unwrap_or_default());
        without.lock().unwrap().insert(row.with.to_string(), before.clone());
        let after = render(&merged(&row.with, &nested(row.value, row.set.clone())));
        match (holds(row, &before), holds(row, &after)) {
            (false, true) => None,
            (true, _) => Some(format!("{}: {}{} is {} without it", row.value, row.object, row.at, row.has)),
            (_, false) => Some(format!("{}: {}{} is not {}", row.value, row.object, row.at, row.has)),
        }
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let parts: Vec<_> = rows.chunks(rows.len().div_ceil(4)).collect();
        let wrong = &wrong;
        let running: Vec<_> = parts
            .into_iter()
            .map(|rows| scope.spawn(move || rows.iter().filter_map(wrong).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_value_of_the_chart_is_without_a_row() {
    let values = fs::read_to_string(format!("{CHART}/values.yaml")).unwrap();
    let values: Value = serde_yaml::from_str(&values).unwrap();
    let rows = rows();
    let missing: Vec<_> =
        leaves(&values, "").into_iter().filter(|leaf| !rows.iter().any(|row| row.value == leaf)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
