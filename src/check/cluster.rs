//! The checks of a cluster: the API server, the definition, permissions; and what `operator` and `admission` check.

use super::{
    admission, operator,
    report::{Check, Group},
};
use crate::{
    crd,
    plugin::{Cluster, Failure},
};
use k8s_openapi::{
    api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::PostParams};
use serde_json::Value;
use std::collections::BTreeSet;

/// The oldest minor version of Kubernetes 1 that the definition's rules need.
const OLDEST_MINOR: u32 = 30;
const DEFINITION: &str = "organizationsessionpolicies.scalekit.com";
const GROUP: &str = "scalekit.com/v1alpha1";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Group, resource, subresource, verb.
type Right = (&'static str, &'static str, &'static str, &'static str);

/// What the verbs of `osp` need.
const USER: [Right; 3] = [
    ("scalekit.com", "organizationsessionpolicies", "", "get"),
    ("scalekit.com", "organizationsessionpolicies", "", "list"),
    ("scalekit.com", "organizationsessionpolicies", "", "patch"),
];
/// What the operator needs where its resources are (`deploy/rbac.yaml`).
const OPERATOR: [Right; 8] = [
    ("scalekit.com", "organizationsessionpolicies", "", "get"),
    ("scalekit.com", "organizationsessionpolicies", "", "list"),
    ("scalekit.com", "organizationsessionpolicies", "", "watch"),
    ("scalekit.com", "organizationsessionpolicies", "", "patch"),
    ("scalekit.com", "organizationsessionpolicies", "status", "patch"),
    ("", "secrets", "", "get"),
    ("", "namespaces", "", "get"),
    ("events.k8s.io", "events", "", "create"),
];
/// And in its own namespace, to the one Lease that it has, and to see those of others.
const LEASE: [Right; 4] = [
    ("coordination.k8s.io", "leases", "", "get"),
    ("coordination.k8s.io", "leases", "", "create"),
    ("coordination.k8s.io", "leases", "", "update"),
    ("coordination.k8s.io", "leases", "", "list"),
];
/// What whoever installs the chart for all namespaces creates: what is of the whole cluster, and …
const INSTALL: [Right; 4] = [
    ("apiextensions.k8s.io", "customresourcedefinitions", "", "create"),
    ("rbac.authorization.k8s.io", "clusterroles", "", "create"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "", "create"),
    ("", "namespaces", "", "create"),
];
/// … what is in the namespace of the release, in whose Secrets Helm keeps what it knows of it.
const RELEASE: [Right; 10] = [
    ("", "secrets", "", "create"),
    ("", "secrets", "", "list"),
    ("", "secrets", "", "update"),
    ("", "serviceaccounts", "", "create"),
    ("", "services", "", "create"),
    ("apps", "deployments", "", "create"),
    ("networking.k8s.io", "networkpolicies", "", "create"),
    ("policy", "poddisruptionbudgets", "", "create"),
    ("rbac.authorization.k8s.io", "roles", "", "create"),
    ("rbac.authorization.k8s.io", "rolebindings", "", "create"),
];
/// What the role for those who write resources grants besides what the operator has.
const WRITER: [Right; 3] = [
    ("scalekit.com", "organizationsessionpolicies", "", "create"),
    ("scalekit.com", "organizationsessionpolicies", "", "update"),
    ("scalekit.com", "organizationsessionpolicies", "", "delete"),
];
const ESCALATE: Right = ("rbac.authorization.k8s.io", "clusterroles", "", "escalate");

/// Before the operator is installed.
pub(super) async fn before(cluster: &Cluster) -> Group {
    let mut checks = server(cluster).await;
    let hint = "whoever installs it for all namespaces needs these; for some namespaces only, set watchNamespaces";
    checks.push(rights(cluster, "install-permissions", &with_get(&INSTALL), "", "", hint).await);
    checks.push(rights(cluster, "install-permissions", &with_get(&RELEASE), cluster.scope(), "", hint).await);
    if !may(cluster, &ESCALATE, "", "").await.unwrap_or(false) {
        let hint = "the chart's roles grant these, and nobody may grant what he does not have";
        let granted = [&OPERATOR[..], &WRITER].concat();
        checks.push(rights(cluster, "install-permissions", &granted, "", "", hint).await);
        checks.push(rights(cluster, "install-permissions", &LEASE, cluster.scope(), "", hint).await);
    }
    checks.extend(operator::before(cluster).await);
    Group { title: format!("Kubernetes at {}", cluster.server), checks }
}

/// Of what is created, Helm first asks whether it is there.
fn with_get(rights: &[Right]) -> Vec<Right> {
    let created = rights.iter().filter(|right| right.3 == "create");
    let get = created.map(|(group, resource, subresource, _)| (*group, *resource, *subresource, "get"));
    get.chain(rights.iter().copied()).collect()
}

/// The installation, as `user` of `--as`, whose Lease is called `lease`, or else like its ServiceAccount.
pub(super) async fn installed(cluster: &Cluster, user: Option<&str>, lease: Option<&str>) -> Vec<Group> {
    let mut installation = vec![definition(cluster).await];
    installation.push(admission::check(cluster).await);
    let operator = operator::checks(cluster).await;
    let permissions = match user.and_then(service_account) {
        Some((namespace, account)) => {
            let hint = "bind the ClusterRole or Roles of the chart, or of deploy/rbac.yaml, to this ServiceAccount";
            vec![
                rights(cluster, "operator-permissions", &OPERATOR, cluster.scope(), "", hint).await,
                rights(cluster, "lease-permissions", &LEASE, namespace, lease.unwrap_or(account), hint).await,
            ]
        }
        None => {
            let hint = "docs/kubectl-osp.md has the role that allows it";
            vec![rights(cluster, "permissions", &USER, &cluster.namespace, "", hint).await]
        }
    };
    let group = |title: &str, checks| Group { title: title.to_owned(), checks };
    vec![
        group(&format!("Kubernetes at {}", cluster.server), server(cluster).await),
        group("Installation", installation),
        group("Operator", operator),
        group(&user.map_or("Your permissions".to_owned(), |user| format!("Permissions of {user}")), permissions),
    ]
}

/// The namespace and the name of a ServiceAccount, as `--as` names it.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}

async fn server(cluster: &Cluster) -> Vec<Check> {
    let version = match cluster.send("get", true, cluster.client.apiserver_version()).await {
        Ok(Some(version)) => version,
        Ok(None) => {
            return vec![Check::failed("api-server", "it tells no version", "is this a Kubernetes API server?")];
        }
        Err(error) => return vec![Check::failed("api-server", error.to_string(), "does kubectl get through?")],
    };
    let minor: String = version.minor.chars().take_while(char::is_ascii_digit).collect();
    let text = format!("{} answers", version.git_version);
    vec![match minor.parse::<u32>() {
        Ok(minor) if minor < OLDEST_MINOR => {
            let hint = format!("the operator needs Kubernetes 1.{OLDEST_MINOR} or later");
            Check::failed("api-server", text, hint)
        }
        _ => Check::good("api-server", text),
    }]
}

async fn definition(cluster: &Cluster) -> Check {
    let name = "definition";
    // everybody may ask which kinds there are, and few may read definitions
    let kinds = cluster.send("get", true, cluster.client.list_api_group_resources(GROUP)).await;
    match kinds {
        Ok(Some(kinds)) if kinds.resources.iter().any(|kind| kind.kind == "OrganizationSessionPolicy") => {}
        Ok(_) | Err(Failure::NotInstalled) => {
            let hint = "kubectl apply -f crds/, or helm install with crds.install=true";
            return Check::failed(name, format!("{DEFINITION} is not installed"), hint);
        }
        Err(error) => return Check::failed(name, error.to_string(), ""),
    }
    let api: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    match cluster.send("get", true, api.get(DEFINITION)).await {
        Ok(Some(installed)) => compared(&fields(&installed), &fields(&crd::definition())),
        _ => Check::good(
            name,
            format!("{GROUP} is served; its fields are not compared, since you may not read definitions"),
        ),
    }
}

/// The definition with these fields, compared with the own one.
fn compared(installed: &BTreeSet<String>, own: &BTreeSet<String>) -> Check {
    let list = |fields: Vec<&String>| fields.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let missing = list(own.difference(installed).collect());
    let more = list(installed.difference(own).collect());
    let name = "definition";
    if !missing.is_empty() {
        let hint = "upgrade it before the operator: kubectl apply -f crds/, or helm upgrade with crds.install=true";
        return Check::failed(name, format!("{GROUP} is of an older version, without {missing}"), hint);
    }
    if !more.is_empty() {
        let message = format!("{GROUP} is of a newer version than this osp {VERSION}, with {more}");
        return Check::warning(name, message, "upgrade osp; the operator keeps fields that it does not know");
    }
    Check::good(name, format!("{GROUP} is served, as of this version"))
}

/// The paths of all fields of the served version.
fn fields(definition: &CustomResourceDefinition) -> BTreeSet<String> {
    fn walk(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}.{name}");
            walk(field, &path, found);
            found.insert(path);
        }
        if let Some(items) = schema.get("items") {
            walk(items, path, found);
        }
    }
    let mut found = BTreeSet::new();
    let versions = definition.spec.versions.iter().filter(|version| GROUP.ends_with(&format!("/{}", version.name)));
    for version in versions {
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let schema = serde_json::to_value(schema).unwrap_or_default();
        for part in ["spec", "status"] {
            let field = schema.get("properties").and_then(|fields| fields.get(part));
            field.iter().for_each(|field| walk(field, part, &mut found));
        }
    }
    found
}

/// Whether the user has all of `needed` in `namespace`, to the object of this name; empty: in all, to all.
async fn rights(
    cluster: &Cluster,
    name: &'static str,
    needed: &[Right],
    namespace: &str,
    object: &str,
    hint: &str,
) -> Check {
    let mut missing = Vec::new();
    for right in needed {
        let (_, resource, subresource, verb) = right;
        // no right to create or list is restricted by a name
        let object = if ["create", "list"].contains(verb) { "" } else { object };
        match may(cluster, right, namespace, object).await {
            Ok(true) => {}
            Ok(false) if !subresource.is_empty() => missing.push(format!("{verb} {resource}/{subresource}")),
            Ok(false) if !object.is_empty() => missing.push(format!("{verb} {resource} {object}")),
            Ok(false) => missing.push(format!("{verb} {resource}")),
            Err(error) => return Check::failed(name, error.to_string(), ""),
        }
    }
    let place = if namespace.is_empty() { "in all namespaces".to_owned() } else { format!("in namespace {namespace}") };
    if missing.is_empty() {
        return Check::good(name, format!("nothing is missing {place}"));
    }
    Check::failed(name, format!("not allowed {place}: {}", missing.join(", ")), hint)
}

async fn may(cluster: &Cluster, right: &Right, namespace: &str, object: &str) -> Result<bool, Failure> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (group, resource, subresource, verb) = *right;
    let attributes = ResourceAttributes {
        group: some(group),
        resource: some(resource),
        subresource: some(subresource),
        verb: some(verb),
        namespace: some(namespace),
        name: some(object),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = cluster.send("create", true, api.create(&PostParams::default(), &review)).await?;
    Ok(answer.and_then(|answer| answer.status).is_some_and(|status| status.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::Status;

    #[test]
    fn a_definition_of_another_version_is_seen_by_its_fields() {
        let own = fields(&crd::definition());
        assert!(own.contains("spec.policy.idleSessionTimeout") && own.contains("status.conditions.reason"), "{own:?}");
        assert_eq!(compared(&own, &own).status, Status::Good);
        let mut other = own.clone();
        other.insert("spec.policy.newTimeout".into());
        let newer = compared(&other, &own);
        assert!(newer.status == Status::Warning && newer.message.ends_with("with spec.policy.newTimeout"));
        let older = compared(&own, &other);
        assert!(older.status == Status::Failed && older.message.ends_with("without spec.policy.newTimeout"));
    }

    #[test]
    fn the_permissions_of_the_operator_are_those_that_it_is_granted() {
        let role = include_str!("../../deploy/rbac.yaml");
        let roles: Vec<Value> = serde_yaml::from_multiple(role).unwrap();
        let texts = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
        let named = roles[1]["rules"].as_array().unwrap().iter().filter(|rule| rule["resourceNames"].is_array());
        let named: Vec<_> = named.flat_map(|rule| texts(&rule["verbs"])).collect();
        assert_eq!(named, ["get", "update"], "of a Lease, all but its creation and the list");
        let granted = |role: &Value| {
            let mut granted = BTreeSet::new();
            for rule in role["rules"].as_array().unwrap() {
                for resource in texts(&rule["resources"]) {
                    granted.extend(texts(&rule["verbs"]).iter().map(|verb| format!("{verb} {resource}")));
                }
            }
            granted
        };
        let checked = |rights: &[Right]| -> BTreeSet<String> {
            let name = |(_, resource, subresource, verb): &Right| match *subresource {
                "" => format!("{verb} {resource}"),
                subresource => format!("{verb} {resource}/{subresource}"),
            };
            rights.iter().map(name).collect()
        };
        assert_eq!((granted(&roles[0]), granted(&roles[1])), (checked(&OPERATOR), checked(&LEASE)));
    }

    #[test]
    fn a_service_account_is_known_by_its_user_name() {
        assert_eq!(service_account("system:serviceaccount:system:operator"), Some(("system", "operator")));
        assert_eq!(service_account("jane"), None);
    }
}
