//! Which files `osp validate` checks, and that it says what the API server says.

use super::{Folder, policy};
use crate::admission::rows::{BAD, GOOD};
use session_policy_operator::gitops::Rule;
use std::{fs, path::Path};

#[test]
fn every_good_row_of_the_table_is_valid_as_a_file() {
    for row in GOOD {
        let ran = Folder::with(row.manifest("row")).osp(&["validate", "a.yaml"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 policy valid\n"), "{}: {}", row.about, ran.err);
    }
}

#[test]
fn every_bad_row_of_the_table_has_a_finding_as_a_file() {
    for row in BAD {
        let ran = Folder::with(row.manifest("row")).osp(&["validate", "a.yaml"]);
        assert_eq!(ran.code, Some(1), "{}: {}", row.about, ran.out);
        assert!(ran.out.starts_with("a.yaml:"), "{}: {}", row.about, ran.out);
    }
}

#[test]
fn files_folders_lists_and_the_standard_input_are_read_and_other_kinds_counted() {
    let folder = Folder::new();
    folder.write(
        "a.yaml",
        policy("a", "id: org_1") + "---\n{apiVersion: v1, kind: Secret}\n---\n" + &policy("b", "id: org_2"),
    );
    folder.write("below/deep/c.yml", policy("c", "externalId: x"));
    folder.write("below/list.json", r#"{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Pod"}]}"#);
    folder.write("below/notes.txt", "'");
    folder.write(".git/bad.yaml", "'");
    let items = policy("d", "id: org_4").replace('\n', "\n  ");
    let list = format!("apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicyList\nitems:\n- {items}\n");
    let ran = folder.osp_with(&["validate", "a.yaml", ".", "-"], list.as_bytes());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "4 policies valid, 2 documents of other kinds skipped\n"));
}

#[test]
fn a_finding_names_the_place_the_rule_and_the_fix() {
    let text = "\
apiVersion: scalekit.com/v1alpha1
kind: OrganizationSessionPolicy
metadata:
  name: Acme
spec:
  organization:
    id: org_1
  intervall: 10m
  policy:
    policySource: CUSTOM
    idleSessionTimeoutUnit: HOUR
  suspend: yes
";
    let ran = Folder::with(text).osp(&["validate", "a.yaml"]);
    assert_eq!(
        ran.out,
        "\
a.yaml:4:9: error[metadata]: metadata.name: must be 1 to 253 lower case letters, digits, - or ., with a \
         letter or digit at both ends of each part
a.yaml:8:3: error[unknown-field]: spec.intervall: unknown field
  fix: did you mean interval?
a.yaml:11:29: error[schema]: spec.policy.idleSessionTimeoutUnit: \"HOUR\" is not one of \"MINUTES\", \"HOURS\" or \
         \"DAYS\"
  fix: write one of MINUTES, HOURS, DAYS
a.yaml:12:12: error[ambiguous-value]: spec.suspend: yes is a text in YAML 1.2 but true to kubectl
  fix: write true, or \"yes\" if the text is meant
a.yaml:12:12: error[schema]: spec.suspend: \"yes\" is not of type \"boolean\"
  fix: write true or false, without quotes
5 findings in 1 policy
"
    );
}

#[test]
fn two_resources_of_one_name_or_one_organization_are_reported_with_both_locations() {
    let folder = Folder::new();
    folder.write("a.yaml", policy("a", "id: org_1") + "---\n" + &policy("b", "id: org_1"));
    folder.write("b.yaml", policy("a", "id: org_2"));
    let ran = folder.osp(&["validate", "."]);
    let expected = [
        "./a.yaml:12:3: error[duplicate-organization]: spec.organization: org_1 is claimed already by a at ./a.yaml:5:3",
        "./b.yaml:3:18: error[duplicate-resource]: metadata.name: a is declared already at ./a.yaml:3:18",
    ];
    for line in expected {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
    assert_eq!(ran.code, Some(1));
}

#[test]
fn one_name_is_used_in_two_namespaces_and_one_external_id_with_two_credentials() {
    let of = |namespace: &str| {
        let text = policy("a", "externalId: x").replace("{name: a}", &format!("{{name: a, namespace: {namespace}}}"));
        text + "  credentialsSecretRef: {name: scalekit}\n"
    };
    let ran = Folder::with(of("dev") + "---\n" + &of("prod")).osp(&["validate", "."]);
    assert_eq!(ran.out, "2 policies valid\n");
}

#[test]
fn the_page_of_osp_has_every_rule() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/osp.md")).unwrap();
    for rule in Rule::ALL {
        let section = format!("\n#### rule `{}`\n\n{} ", rule.name(), rule.help());
        assert!(page.contains(&section), "docs/osp.md lacks {section}");
    }
}
