//! The Kubernetes side going wrong, or being edited by others (rows 68–72, 80,
//! 105–107).

use super::{eight_hours, foreign, journal::message, organization, ready_world, says, spec};
use crate::{
    cluster::{Cluster, eventually},
    world::World,
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use session_policy_operator::crd::OrganizationSessionPolicy;
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Instant,
};

const OURS: &str = "scalekit.com/session-policy";

fn finalizers(resource: &Value) -> Vec<String> {
    let all = resource["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    all.iter().map(|finalizer| finalizer.as_str().unwrap().to_owned()).collect()
}

fn set_finalizers(world: &World, finalizers: &[&str]) {
    let patch = json!({"metadata": {"finalizers": finalizers}}).to_string();
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", &patch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_068_of_a_burst_of_edits_the_last_one_wins_and_few_are_written() {
    let world = ready_world("").await;
    let before = world.policies("org_1").len();
    let api: Api<OrganizationSessionPolicy> = Api::namespaced(world.cluster.client().await, &world.namespace);
    let start = Instant::now();
    let edits = (1..=100).map(|n| {
        let api = api.clone();
        async move {
            let patch = json!({"spec": {"policy": {"absoluteSessionTimeout": 100 + n}}});
            api.patch("acme", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        }
    });
    futures::future::join_all(edits).await;
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    world.until("acme", "True", "InSync");
    let declared = world.resource("acme").unwrap()["spec"]["policy"]["absoluteSessionTimeout"].as_i64().unwrap();
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], declared * 60);
    let written = world.policies("org_1").len() - before;
    assert!(written <= 3 + seconds, "{written} writes for 100 edits in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_070_without_the_definition_the_operator_waits_and_says_what_to_install() {
    let cluster = Arc::new(Cluster::without_definition());
    let mut world = World::on(Arc::clone(&cluster), World::scalekit(json!({})).await);
    world.start_operator();
    eventually("the hint", 30, || world.log().contains("kubectl apply -f crds/").then_some(()));
    cluster.define();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_070_a_definition_that_is_deleted_takes_its_resources_in_order_and_may_come_back() {
    let cluster = Arc::new(Cluster::exclusive());
    let mut world = World::on(Arc::clone(&cluster), World::scalekit(json!({})).await);
    world.start_operator();
    world.apply("acme", &spec(""));
    world.apply("kept", &organization("org_2", ", deletionPolicy: Retain"));
    world.until("acme", "True", "InSync");
    world.until("kept", "True", "InSync");
    cluster.ok(&["delete", "crd", "organizationsessionpolicies.scalekit.com", "--timeout=60s"]);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "each one was asked to go");
    assert_eq!(world.stored("org_2")["policy"], eight_hours());
    let writes = world.writes().len();
    cluster.define();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    assert_eq!(world.writes().len(), writes + 1, "the feature stayed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_070_an_empty_list_is_no_wish_to_revert() {
    let cluster = Arc::new(Cluster::exclusive());
    let mut world = World::on(Arc::clone(&cluster), World::scalekit(json!({})).await);
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    world.kill_operator();
    let writes = world.writes().len();
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    cluster.ok(&["delete", "crd", "organizationsessionpolicies.scalekit.com", "--timeout=60s"]);
    cluster.define();
    world.start_operator();
    world.apply("bystander", &organization("org_2", ", mode: Observe"));
    world.until("bystander", "True", "Observing");
    assert_eq!((world.writes().len(), &world.stored("org_1")["policy"]), (writes, &eight_hours()));
}

/// A server whose definition has lost its rules about the spec.
fn loosened() -> Arc<Cluster> {
    let cluster = Cluster::exclusive();
    let loose = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]);
    cluster.ok(&["patch", "crd", "organizationsessionpolicies.scalekit.com", "--type=json", "-p", &loose.to_string()]);
    Arc::new(cluster)
}

/// Applies it as soon as the loosened definition is in force.
fn apply_odd(world: &World, name: &str, spec: &str) {
    eventually("the loose definition", 30, || world.try_apply(name, spec).0.then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_071_fields_of_a_newer_version_stay_and_do_no_harm() {
    let mut world = World::on(loosened(), World::scalekit(json!({})).await);
    apply_odd(&world, "acme", &spec(", fromTheFuture: {a: [1, 2]}"));
    world.start_operator();
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(resource["spec"]["fromTheFuture"], json!({"a": [1, 2]}));
    assert_eq!(
        (resource["metadata"]["generation"].clone(), world.stored("org_1")["policy"].clone()),
        (json!(1), eight_hours())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn row_072_what_cannot_be_decoded_is_named_and_costs_the_others_nothing() {
    let mut world = World::on(loosened(), World::scalekit(json!({})).await);
    apply_odd(&world, "broken", "{organization: {id: org_1}, policy: [1, 2], mode: 7}");
    apply_odd(
        &world,
        "garbled",
        "{organization: {id: org_3}, policy: {policySource: CUSTOM, absoluteSessionTimeout: lots}}",
    );
    world.apply("acme", &organization("org_2", ""));
    world.start_operator();
    world.until("acme", "True", "InSync");
    for name in ["broken", "garbled"] {
        let resource = world.until(name, "False", "InvalidSpec");
        assert_eq!(says(&resource, "Stalled"), "True InvalidSpec");
        assert!(message(&resource, "Ready").contains("it can't be read"), "{}", message(&resource, "Ready"));
    }
    let others = world.writes().into_iter().filter(|(path, _)| !path.starts_with("org_2/")).count();
    assert_eq!(others, 0);
    world.kubectl(&["delete", "osp", "broken", "garbled", "--timeout=30s"]);
}

/// Lets the operator read these core resources, and all it needs of its own.
fn may_read(world: &World, core: &str) {
    let rules = [
        json!({"apiGroups": ["scalekit.com"], "resources": ["organizationsessionpolicies"], "verbs": ["get", "list", "watch", "patch"]}),
        json!({"apiGroups": ["scalekit.com"], "resources": ["organizationsessionpolicies/status"], "verbs": ["patch"]}),
        json!({"apiGroups": [""], "resources": [core], "verbs": ["get"]}),
    ];
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "limited", "namespace": world.namespace}, "rules": rules});
    let (accepted, said) = world.cluster.with_input(&["apply", "-f", "-"], &role.to_string());
    assert!(accepted, "{said}");
}

/// The reconciles of all resources that have ended.
fn reconciles(world: &World) -> u64 {
    let metrics = probe(world, "/metrics");
    let all = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
    all.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// An operator that may read Secrets as long as the test lets it, and `acme` in
/// order by such a Secret.
async fn limited() -> World {
    let mut world = World::without_operator(json!({})).await;
    world.user = "limited";
    may_read(&world, "secrets");
    world.kubectl(&["create", "rolebinding", "limited", "--role=limited", "--user=limited"]);
    let (role, name) = (format!("limited-{}", world.namespace), format!("--resource-name={}", world.namespace));
    world.kubectl(&["create", "clusterrole", &role, "--verb=get", "--resource=namespaces", &name]);
    world.kubectl(&["create", "clusterrolebinding", &role, &format!("--clusterrole={role}"), "--user=limited"]);
    world.apply_secret("scalekit", "test_simulator");
    world.start_operator();
    world.apply("acme", &spec(", credentialsSecretRef: {name: scalekit}"));
    world.until("acme", "True", "InSync");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn row_080_rights_that_are_taken_away_are_reported_and_cost_the_others_nothing() {
    let world = limited().await;
    world.apply("other", &organization("org_2", ""));
    world.until("other", "True", "InSync");
    may_read(&world, "configmaps");
    let missed = world.until("acme", "False", "CredentialsUnreadable");
    world.edit("org_2", &json!({"policy": foreign()}));
    eventually("the others are reconciled", 60, || (world.stored("org_2")["policy"] == eight_hours()).then_some(()));
    let before = reconciles(&world);
    world.until_reconciled(10);
    assert!(reconciles(&world) < before + 30, "at growing pauses, and not in a loop");
    let later = world.resource("acme").unwrap();
    assert_eq!(later["metadata"]["resourceVersion"], missed["metadata"]["resourceVersion"], "it is said once");
    may_read(&world, "secrets");
    world.edit("org_1", &json!({"policy": foreign()}));
    eventually("acme is reconciled again", 75, || (world.stored("org_1")["policy"] == eight_hours()).then_some(()));
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_115_an_operator_that_may_not_read_the_secret_any_more_does_not_call_the_policy_in_sync() {
    let world = limited().await;
    may_read(&world, "configmaps");
    world.edit("org_1", &json!({"policy": foreign()}));
    let resource = world.until("acme", "False", "CredentialsUnreadable");
    assert_eq!(says(&resource, "Stalled"), "True CredentialsUnreadable");
    assert_eq!(says(&resource, "Synced"), "Unknown CredentialsUnreadable");
    let said = message(&resource, "Ready");
    for word in ["Secret scalekit", "may not read it", "verb get on secrets"] {
        assert!(said.contains(word), "{said}");
    }
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let held = eventually("the deletion says what it waits for", 60, || {
        world.resource("acme").filter(|resource| !resource["status"]["release"].is_null())
    });
    assert_eq!(held["status"]["release"]["reason"], "CredentialsUnreadable");
    may_read(&world, "secrets");
    world.until_gone("acme");
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION");
}

/// What the operator of `world` answers to a probe.
pub fn probe(world: &World, path: &str) -> String {
    let log = world.log();
    let address =
        log.split("serving /livez, /readyz and /metrics address=").nth(1).and_then(|rest| rest.lines().next());
    let mut stream = TcpStream::connect(address.expect("the address is logged").trim()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn row_080_an_operator_that_is_refused_everything_is_not_ready_until_it_has_its_rights_back() {
    let mut world = World::without_operator(json!({})).await;
    world.user = "limited";
    let bind = |world: &World| {
        let role = "--clusterrole=session-policy-operator";
        world.kubectl(&["create", "rolebinding", "limited", role, "--user=limited"]);
    };
    let answers = |world: &World, status: &str| {
        eventually(status, 90, || probe(world, "/readyz").starts_with(&format!("HTTP/1.1 {status} ")).then_some(()));
    };
    bind(&world);
    world.start_operator();
    world.apply("acme", &spec(""));
    world.until("acme", "True", "InSync");
    answers(&world, "200");
    world.kubectl(&["delete", "rolebinding", "limited"]);
    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}})); // at rest it asks for nothing
    answers(&world, "503");
    assert!(probe(&world, "/readyz").contains("refuses every request"));
    assert!(probe(&world, "/livez").starts_with("HTTP/1.1 200 "));
    bind(&world);
    answers(&world, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_106_a_finalizer_that_the_server_will_never_accept_is_an_error_and_no_loop() {
    let mut world = World::without_operator(json!({})).await;
    let (namespace, name) = (world.namespace.clone(), format!("no-finalizer-{}", world.namespace));
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["scalekit.com"], "apiVersions": ["*"],
                "operations": ["UPDATE"], "resources": ["organizationsessionpolicies"]}]},
            "validations": [{"expression": "!has(object.metadata.finalizers)", "message": "no finalizers here"}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}}});
    for manifest in [policy, binding] {
        let (accepted, said) = world.cluster.with_input(&["apply", "-f", "-"], &manifest.to_string());
        assert!(accepted, "{said}");
    }
    world.apply("acme", &spec(""));
    let patch = r#"{"metadata":{"finalizers":["example.com/try"]}}"#;
    let dry = ["-n", &namespace, "patch", "osp", "acme", "--type=merge", "--dry-run=server", "-p", patch];
    eventually("the policy is in force", 60, || (!world.cluster.kubectl(&dry).status.success()).then_some(()));
    world.start_operator();
    let resource = world.until("acme", "Unknown", "ApiServerError");
    assert!(message(&resource, "Ready").contains("no finalizers here"), "{resource}");
    assert_eq!(says(&resource, "Stalled"), "absent absent", "no step was repeated to the limit");
    assert!(world.log().lines().any(|line| line.contains("ApiServer") && line.contains("no finalizers here")));
    assert_eq!(world.writes(), [], "nothing is written without a finalizer");
    world.kubectl(&["delete", "validatingadmissionpolicybinding", &name]);
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_105_a_finalizer_that_somebody_dropped_is_back_before_the_next_write() {
    let world = ready_world("").await;
    set_finalizers(&world, &[]);
    eventually("our finalizer", 30, || finalizers(&world.resource("acme")?).contains(&OURS.to_owned()).then_some(()));
    assert_eq!(world.writes().len(), 2);
    // nobody can add one while this hangs, so the write that is due has to wait for it
    world.edit("org_1", &json!({"policy": foreign()}));
    set_finalizers(&world, &[]);
    eventually("the repair", 30, || (world.stored("org_1")["policy"] == eight_hours()).then_some(()));
    let resource = world.until("acme", "True", "InSync");
    assert_eq!(finalizers(&resource), [OURS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_106_finalizers_of_others_stay_whatever_their_order() {
    for others in [["example.com/first", OURS, "example.com/last"], [OURS, "example.com/first", "example.com/last"]] {
        let world = ready_world("").await;
        set_finalizers(&world, &others);
        world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
        let left = eventually("ours is off", 30, || {
            Some(finalizers(&world.resource("acme")?)).filter(|finalizers| !finalizers.contains(&OURS.to_owned()))
        });
        assert_eq!(left, ["example.com/first", "example.com/last"]);
        assert_eq!(world.policies("org_1").last().unwrap(), &json!({"policy_source": "APPLICATION"}));
        world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_107_what_is_already_going_gets_no_finalizer_and_no_write() {
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &spec(""));
    set_finalizers(&world, &["example.com/other"]);
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    world.start_operator();
    world.apply("bystander", &organization("org_2", ""));
    world.until("bystander", "True", "InSync");
    world.until_reconciled(2);
    assert_eq!(world.count("path=/api/v1/organizations/org_1**"), 0);
    assert_eq!(finalizers(&world.resource("acme").unwrap()), ["example.com/other"]);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    world.until_gone("acme");
}
