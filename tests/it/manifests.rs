//! What is generated and committed must be what the code generates.

use session_policy_operator::{crd, reconcile};
use std::{env, fs, path::Path};

/// Compares a committed file with what the code makes of it; with UPDATE=1 in
/// the environment it is written instead.
pub(crate) fn assert_committed(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differing = committed.lines().zip(generated.lines()).find(|(is, should)| is != should);
    let (is, should) = differing.unwrap_or(("an end", "another end"));
    assert!(
        committed == generated,
        "{file} is not what the code generates: it has\n{is}\nwhere this is generated:\n{should}\n\
         If that is meant, run\n\n    UPDATE=1 cargo test --test it committed\n"
    );
}

#[test]
fn the_committed_definition_is_the_generated_one() {
    assert_committed("crds/organizationsessionpolicies.yaml", &crd::manifest().unwrap());
}

#[test]
fn the_committed_schema_for_editors_is_the_generated_one() {
    assert_committed("schemas/scalekit.com/organizationsessionpolicy_v1alpha1.json", &crd::json_schema_text());
}

#[test]
fn the_committed_page_of_reasons_is_the_generated_one() {
    assert_committed("docs/conditions.md", &reconcile::reasons_page());
}

#[test]
fn the_committed_patch_for_argocd_holds_its_scripts() {
    assert_committed("deploy/argocd/argocd-cm.yaml", &crate::argocd::patch());
}
