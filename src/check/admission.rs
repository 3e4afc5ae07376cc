//! Whether policies of admission deny anything about our resources: one denies only if a binding says so,
//! and only in the namespaces that the binding selects.

use super::report::Check;
use crate::{
    crd::{GROUP, PLURAL},
    plugin::Cluster,
};
use k8s_openapi::{
    api::{
        admissionregistration::v1::{
            MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
        },
        core::v1::Namespace,
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::{Api, ResourceExt, api::ListParams};
use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

pub(super) async fn check(cluster: &Cluster) -> Check {
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(cluster.client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(cluster.client.clone());
    let all = ListParams::default();
    let policies = cluster.send("list", true, policies.list(&all)).await;
    let bindings = cluster.send("list", true, bindings.list(&all)).await;
    let (Ok(Some(policies)), Ok(Some(bindings))) = (policies, bindings) else {
        return Check::good("admission-policies", "not known: you may not list ValidatingAdmissionPolicies");
    };
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let namespace = match cluster.scope() {
        "" => None,
        name => cluster.send("get", true, namespaces.get(name)).await.ok().flatten(),
    };
    judge(&policies.items, &bindings.items, namespace.map(|namespace| namespace.labels().clone()).as_ref())
}

/// What the policies about our resources do, in the namespace with these labels if that is known.
fn judge(
    policies: &[ValidatingAdmissionPolicy],
    bindings: &[ValidatingAdmissionPolicyBinding],
    namespace: Option<&Labels>,
) -> Check {
    let name = "admission-policies";
    let (mut force, mut idle) = (Vec::new(), Vec::new());
    for policy in policies.iter().filter(|policy| is_ours(policy)) {
        let policy = policy.name_any();
        let bound = bindings.iter().filter_map(|binding| binding.spec.as_ref());
        let effects: BTreeSet<Effect> = bound
            .filter(|binding| binding.policy_name.as_deref() == Some(&policy))
            .map(|binding| effect(binding.validation_actions.as_deref(), binding.match_resources.as_ref(), namespace))
            .collect();
        match effects.first() {
            Some(Effect::Denies) => force.push(format!("{policy} is in force")),
            Some(Effect::DeniesSome) => force.push(format!("{policy} is in force where its binding selects")),
            Some(Effect::Elsewhere) => idle.push(format!("{policy} is bound, and not for this namespace")),
            Some(Effect::Tells) => idle.push(format!("{policy} is bound without Deny, so it only warns or audits")),
            None => idle.push(format!("{policy} is installed and not bound")),
        }
    }
    let hint =
        "what a ValidatingAdmissionPolicyBinding with Deny does not select is not denied: deploy/admission-policy.yaml";
    match (idle.is_empty(), force.is_empty()) {
        (false, _) => Check::warning(name, [idle, force].concat().join("; "), hint),
        (true, false) => Check::good(name, force.join("; ")),
        (true, true) => Check::good(name, "none is installed: every namespace may name every organization"),
    }
}

/// What a binding does with a resource that breaks the rules, the strongest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Denies,
    /// As far as can be seen without the labels.
    DeniesSome,
    Elsewhere,
    /// It warns or audits.
    Tells,
}

fn effect(actions: Option<&[String]>, to: Option<&MatchResources>, namespace: Option<&Labels>) -> Effect {
    if !actions.unwrap_or_default().iter().any(|action| action == "Deny") {
        return Effect::Tells;
    }
    let Some(to) = to else { return Effect::Denies };
    let rules = to.resource_rules.as_deref().unwrap_or_default();
    let excluded = to.exclude_resource_rules.as_deref().unwrap_or_default();
    if !rules.is_empty() && !rules.iter().any(names_ours) || excluded.iter().any(names_ours) {
        return Effect::Elsewhere;
    }
    let selects = |selector: &LabelSelector| {
        selector.match_labels.iter().flatten().count() + selector.match_expressions.iter().flatten().count() > 0
    };
    let by_object = to.object_selector.as_ref().is_some_and(selects);
    match (to.namespace_selector.as_ref().filter(|selector| selects(selector)), namespace) {
        (Some(selector), Some(labels)) if !matches(selector, labels) => Effect::Elsewhere,
        (Some(_), None) => Effect::DeniesSome,
        _ if by_object => Effect::DeniesSome,
        _ => Effect::Denies,
    }
}

/// Whether it is about our resources.
fn is_ours(policy: &ValidatingAdmissionPolicy) -> bool {
    let constraints = policy.spec.as_ref().and_then(|spec| spec.match_constraints.as_ref());
    constraints.and_then(|to| to.resource_rules.as_deref()).unwrap_or_default().iter().any(|rule| {
        let groups = rule.api_groups.iter().flatten();
        names_ours(rule) && groups.clone().any(|group| group == GROUP)
    })
}

fn names_ours(rule: &NamedRuleWithOperations) -> bool {
    let has = |list: &Option<Vec<String>>, name: &str| list.iter().flatten().any(|one| one == name || one == "*");
    has(&rule.api_groups, GROUP) && has(&rule.resources, PLURAL)
}

fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().flatten().all(|wanted| {
            let (value, values) = (labels.get(&wanted.key), wanted.values.as_deref().unwrap_or_default());
            match wanted.operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::Status;
    use serde_json::{Value, json};

    fn policy(name: &str, group: &str) -> ValidatingAdmissionPolicy {
        let rules =
            json!([{"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [PLURAL]}]);
        serde_json::from_value(
            json!({"metadata": {"name": name}, "spec": {"matchConstraints": {"resourceRules": rules}}}),
        )
        .unwrap()
    }

    /// How a policy with such a binding is judged in a namespace with these labels.
    fn judged(actions: Value, to: Value, labels: Option<Value>) -> (Status, String) {
        let spec = json!({"policyName": "p", "validationActions": actions, "matchResources": to});
        let binding = serde_json::from_value(json!({"metadata": {"name": "b"}, "spec": spec})).unwrap();
        let labels: Option<Labels> = labels.map(|labels| serde_json::from_value(labels).unwrap());
        let check = judge(&[policy("p", GROUP)], &[binding], labels.as_ref());
        (check.status, check.message)
    }

    #[test]
    fn only_a_binding_that_denies_here_is_in_force() {
        let tenants = || json!({"namespaceSelector": {"matchLabels": {"tenant": "yes"}}});
        let others =
            json!({"namespaceSelector": {"matchExpressions": [{"key": "tenant", "operator": "DoesNotExist"}]}});
        let tenant = || Some(json!({"tenant": "yes"}));
        let pods = json!({"resourceRules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["*"]}]});
        let (deny, warn) = (|| json!(["Deny"]), json!(["Warn", "Audit"]));
        for (actions, to, labels, expected) in [
            (deny(), Value::Null, None, "p is in force"),
            (deny(), json!({"namespaceSelector": {}, "objectSelector": {}}), None, "p is in force"),
            (deny(), tenants(), None, "p is in force where its binding selects"),
            (deny(), tenants(), tenant(), "p is in force"),
        ] {
            assert_eq!(judged(actions, to, labels), (Status::Good, expected.to_owned()));
        }
        for (actions, to, labels, expected) in [
            (warn, Value::Null, None, "p is bound without Deny, so it only warns or audits"),
            (deny(), tenants(), Some(json!({})), "p is bound, and not for this namespace"),
            (deny(), others, tenant(), "p is bound, and not for this namespace"),
            (deny(), pods, None, "p is bound, and not for this namespace"),
        ] {
            assert_eq!(judged(actions, to, labels), (Status::Warning, expected.to_owned()));
        }
    }

    #[test]
    fn a_policy_is_ours_by_what_it_is_about_and_not_by_its_name() {
        let none = judge(&[policy("organizations.evilscalekit.com", "evilscalekit.com")], &[], None);
        assert!(none.status == Status::Good && none.message.starts_with("none is installed"), "{}", none.message);
        let unbound = judge(&[policy("of-ours", GROUP)], &[], None);
        assert_eq!((unbound.status, unbound.message.as_str()), (Status::Warning, "of-ours is installed and not bound"));
    }
}
