//! The pages for users: each is in the index, each problem that a status can name is on the page that lists
//! problems by what a person sees, messages that it quotes are printed, and policies to copy are valid.

use crate::{
    architecture::sources,
    osp::Folder,
    pictures::{blocks, page},
};
use session_policy_operator::{crd, reconcile::Reason};
use std::{collections::BTreeSet, fs, path::Path};

/// Reasons that name no problem and nothing that anybody waits for.
const POSITIVE: [Reason; 11] = [
    Reason::InSync,
    Reason::StricterKept,
    Reason::Observing,
    Reason::Reverted,
    Reason::Restored,
    Reason::HandedOver,
    Reason::PolicyApplied,
    Reason::FeatureEnabled,
    Reason::FeatureDisabled,
    Reason::Enabled,
    Reason::AppliesFully,
];

#[test]
fn every_reason_of_a_problem_is_on_the_page_of_symptoms() {
    let page = page("docs/troubleshooting.md");
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| !POSITIVE.contains(reason) && !page.contains(&format!("`{reason}`")))
        .map(|reason| reason.name())
        .collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md does not say what to do about {missing:?}");
}

/// The names of the pages in docs/.
fn names() -> BTreeSet<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

#[test]
fn every_page_for_users_is_in_the_index() {
    let mut pages = names();
    assert!(pages.remove("index.md") && pages.len() > 20, "{pages:?}");
    let index = page("docs/index.md");
    let missing: Vec<&String> = pages.iter().filter(|name| !index.contains(&format!("]({name})"))).collect();
    assert!(missing.is_empty(), "docs/index.md has no link to {missing:?}");
}

/// Messages of kubectl, of Helm and of the API server on the page of symptoms.
const OF_KUBERNETES: [&str; 8] = [
    "missing property 'dnsPorts'",
    "invalid ownership metadata",
    "UPGRADE FAILED: context deadline exceeded",
    "ImagePullBackOff",
    "no matches for kind \"OrganizationSessionPolicy\"",
    "unknown field",
    "strict decoding error",
    "ValidatingAdmissionPolicy … denied request",
];

#[test]
fn every_message_on_the_page_of_symptoms_is_one_that_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let templates = fs::read_dir(root.join("deploy/chart/templates")).unwrap().map(|file| file.unwrap().path());
    let code = sources(&root.join("src")).into_iter().chain(templates);
    let printed: String = code.map(|file| fs::read_to_string(file).unwrap()).collect();
    let printed = printed + &crd::manifest().unwrap();
    let page = page("docs/troubleshooting.md");
    let mut quoted = 0;
    for table in page.split("| message | do |\n|---|---|\n").skip(1) {
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            for message in row.split(" | ").next().unwrap().split('`').skip(1).step_by(2) {
                let fixed = message.trim_end_matches(" …");
                assert!(OF_KUBERNETES.contains(&message) || printed.contains(fixed), "nothing prints {message}");
                quoted += 1;
            }
        }
    }
    assert!(quoted > 8, "{quoted}");
}

#[test]
fn every_policy_to_copy_is_valid() {
    let pages = names().into_iter().map(|name| format!("docs/{name}")).chain(["README.md".to_owned()]);
    let mut checked = 0;
    for name in pages {
        let page = page(&name);
        let policies = blocks(&page, "yaml").into_iter().filter(|block| block.starts_with("apiVersion: scalekit.com"));
        for policy in policies {
            let ran = Folder::new().osp_with(&["validate", "-"], policy.replace("org_…", "org_1").as_bytes());
            assert_eq!(ran.code, Some(0), "{name}: {}", ran.out);
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
}
