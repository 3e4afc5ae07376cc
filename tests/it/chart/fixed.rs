//! What can't be changed of an object: an upgrade that would is refused before anything is changed, and not by the API
//! server when half of the objects are.

use super::{install::NAME, one_lease::Release};
use serde_json::{Value, json};

/// What selects the operator's pods.
fn selectors(release: &Release) -> Vec<Value> {
    let of = |object: &str, path: &str| {
        let object = release.cluster.get(&release.namespace, object).unwrap();
        object.pointer(path).cloned().unwrap()
    };
    vec![
        of(&format!("networkpolicy/{NAME}"), "/spec/podSelector/matchLabels"),
        of(&format!("poddisruptionbudget/{NAME}"), "/spec/selector/matchLabels"),
        of(&format!("service/{NAME}-metrics"), "/spec/selector"),
        of(&format!("deployment/{NAME}"), "/spec/selector/matchLabels"),
    ]
}

#[test]
fn an_upgrade_that_would_change_the_labels_of_the_pods_is_refused_before_anything_is_changed() {
    let named = |name: &str| json!({"fullnameOverride": NAME, "nameOverride": name});
    let release = Release::with(&named("first"));
    let before = selectors(&release);
    let said = release.upgrade(&named("second")).unwrap_err();
    let says =
        format!("the pods of the Deployment {NAME} have app.kubernetes.io/name=first, which can't become second");
    assert!(said.contains(&says), "{said}");
    assert_eq!(selectors(&release), before);

    release.upgrade(&named("first")).unwrap();
    release.kubectl(&["delete", "deployment", NAME]);
    release.upgrade(&named("second")).expect("as the message says");
    let after = selectors(&release);
    assert!(after.iter().all(|selector| selector["app.kubernetes.io/name"] == "second"), "{after:?}");
}
