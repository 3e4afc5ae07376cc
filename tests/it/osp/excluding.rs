//! What `--exclude` and `.ospignore` leave out, and that it is said.

use super::{Folder, policy};

/// A repository with a policy, and with files that would be findings.
fn repository() -> Folder {
    let folder = Folder::new();
    folder.write("policies/a.yaml", policy("a", "id: org_1"));
    folder.write("policies/drafts/b.yaml", policy("B", "id: org_2"));
    folder.write("chart/templates/c.yaml", "kind: OrganizationSessionPolicy\nmetadata: {{ x }}\n");
    folder
}

#[test]
fn what_matches_a_pattern_is_left_out_and_named() {
    let folder = repository();
    assert_eq!(folder.osp(&["validate", "."]).code, Some(1));
    for patterns in [&["chart", "drafts/"][..], &["/chart/templates", "*/drafts/*.yaml"], &["**/c.yaml", "b.yaml"]] {
        let flags: Vec<&str> = patterns.iter().flat_map(|pattern| ["--exclude", pattern]).collect();
        let ran = folder.osp(&[&["validate", "."], &flags[..]].concat());
        assert_eq!(ran.code, Some(0), "{patterns:?}: {}", ran.out);
        assert!(ran.out.starts_with("left out by --exclude or .ospignore: ./"), "{patterns:?}: {}", ran.out);
        assert!(ran.out.ends_with("\n1 policy valid\n"), "{patterns:?}: {}", ran.out);
    }
    let ran = folder.osp(&["validate", "policies", "--exclude", "drafts", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    crate::schemas::assert_described("validate", &json);
    assert_eq!(json["excluded"], serde_json::json!(["policies/drafts"]));
    let all_but_one = ["validate", "policies", "--exclude", "*", "--exclude", "!a.yaml"];
    assert!(folder.osp(&all_but_one).out.ends_with("\n1 policy valid\n"), "the named folder itself is not left out");
    let named = ["validate", "policies/a.yaml", "chart/templates/c.yaml", "--exclude", "chart/"];
    assert_eq!(folder.osp(&named).code, Some(0), "a file that a glob has named too");
    let ran = folder.osp(&["validate", ".", "--exclude", "{a"]);
    assert!(ran.code == Some(1) && ran.err.contains("--exclude"), "{ran:?}");
}

#[test]
fn a_file_ospignore_is_valid_for_its_folder_and_below_it() {
    let folder = repository();
    folder.write(".ospignore", "# other tools\nchart/\n");
    folder.write("policies/.ospignore", "drafts\n");
    for path in [".", "./", "policies"] {
        let ran = folder.osp(&["validate", path]);
        assert!(ran.code == Some(0) && ran.out.ends_with("1 policy valid\n"), "{path}: {}", ran.out);
        assert!(ran.out.contains("policies/drafts"), "{path}: {}", ran.out);
    }
    folder.write("policies/.ospignore", "");
    folder.write(".ospignore", "chart/\ndrafts/*\n!drafts/b.yaml\n");
    let ran = folder.osp(&["validate", "policies"]);
    assert!(ran.code == Some(1) && ran.out.starts_with("policies/drafts/b.yaml:3:"), "{}", ran.out);
    assert_eq!(folder.osp(&["validate", "policies", "chart/templates/c.yaml"]).code, Some(1), "it is named itself");
}

#[test]
fn nothing_left_is_no_success_and_a_list_that_cannot_be_read_is_an_error() {
    let folder = repository();
    let ran = folder.osp(&["validate", "policies", "--exclude", "*"]);
    assert!(ran.code == Some(1) && ran.out.contains("error[empty]"), "{}", ran.out);
    folder.write(".ospignore", "{a\n");
    let ran = folder.osp(&["validate", "."]);
    assert!(ran.code == Some(1) && ran.out.contains("./.ospignore:1:1: error[syntax]"), "{}", ran.out);
    folder.write(".ospignore", b"# fine\nchart/\r\n[a\n\\\nb\xff\n{c\n");
    let ran = folder.osp(&["validate", "."]);
    for line in 1..=6 {
        let told = ran.out.contains(&format!("./.ospignore:{line}:1: error[syntax]: this line is no pattern"));
        assert_eq!(told, line > 2, "line {line}: {}", ran.out);
    }
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let ran = folder.osp(&["validate", ".", "--exclude", "[a"]);
    assert!(ran.code == Some(1) && ran.err.contains("'[a'"), "{}", ran.err);
    folder.write(".ospignore", "x\n".repeat(40_000));
    assert!(folder.osp(&["validate", "."]).out.contains("./.ospignore:1:1: error[limit]"));
}
