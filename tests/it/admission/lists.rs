//! What a list has beside its items is valid where kubectl takes it, and refused where kubectl refuses the whole list.

use crate::{cluster::cluster, osp::Folder};
use serde_json::{Value, json};

/// `kind`, and what is merged into a list of one good policy.
fn list(kind: &str, more: &Value) -> Value {
    let version = if kind == "List" { "v1" } else { "scalekit.com/v1alpha1" };
    let item = json!({
        "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "metadata": {"name": "acme"},
        "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
    });
    let mut list = json!({"apiVersion": version, "kind": kind, "items": [item]});
    list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    list
}

#[tokio::test]
async fn a_list_is_valid_where_kubectl_takes_it() {
    let cluster = cluster();
    let namespace = cluster.namespace();
    let mut refused = 0;
    for kind in ["List", "OrganizationSessionPolicyList"] {
        for more in [
            json!({}),
            json!({"metadata": null}),
            json!({"metadata": {}}),
            json!({"metadata": {"resourceVersion": "", "selfLink": ""}}),
            json!({"metadata": {"continue": "x", "remainingItemCount": 1}}),
            json!({"metadata": {"remainingItemCount": "1"}}),
            json!({"metadata": {"continue": 1}}),
            json!({"metadata": {"continue": true}}),
            json!({"metadata": {"continue": null}}),
            json!({"metadata": {"continue": []}}),
            json!({"metadata": {"remainingItemCount": null}}),
            json!({"metadata": {"remainingItemCount": 1.5}}),
            json!({"metadata": {"resourceVersion": null, "selfLink": null}}),
            json!({"metadata": "x"}),
            json!({"metadata": []}),
            json!({"metadata": 1}),
            json!({"metadata": {"other": 1}}),
            json!({"metadata": {"name": 1}}),
            json!({"metadata": {"name": "X y"}}),
            json!({"metadata": {"labels": {"a": "b"}}}),
            json!({"metadata": {"labels": {"a": 1}}}),
            json!({"metadata": {"annotations": []}}),
            json!({"metadata": {"resourceVersion": 5}}),
            json!({"metadata": {"creationTimestamp": "yesterday"}}),
            json!({"metadata": {"generation": 1.5}}),
            json!({"metadata": {"ownerReferences": 1}}),
            json!({"metadata": {"finalizers": "a"}}),
            json!({"other": 1}),
            json!({"spec": {}}),
        ] {
            let text = list(kind, &more).to_string();
            let created = ["create", "--dry-run=server", "-o", "name", "-n", &namespace, "-f", "-"];
            let taken = cluster.kubectl_with(&created, &text).status.success();
            let ran = Folder::new().osp_with(&["validate", "-"], text.as_bytes());
            assert_eq!(ran.code == Some(0), taken, "{kind} {more}: {}", ran.out);
            refused += usize::from(!taken);
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn what_is_wrong_with_a_list_is_named_at_its_place() {
    let text = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicyList\nmetadata:\n  nmae: x\nitems:\n- \
                metadata: {name: acme}\n  spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}\n";
    let ran = Folder::with(text).osp(&["validate", "a.yaml"]);
    assert!(ran.out.starts_with("a.yaml:4:3: error["), "{}", ran.out);
    assert!(ran.out.contains("metadata.nmae: unknown field"), "{}", ran.out);
}
