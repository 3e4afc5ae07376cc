//! Input without a policy is no success, and files of other tools are no failure.

use super::{Folder, policy};

#[test]
fn that_there_is_no_policy_is_an_error_unless_it_is_allowed() {
    let folder = Folder::new();
    folder.write("others/a.yaml", "apiVersion: v1\nkind: Secret\n");
    folder.write("comments.yaml", "# kept for later\n");
    folder.write("list.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    folder.write("nothing.yaml", "");
    for path in ["others", "others/a.yaml", "comments.yaml", "list.yaml", "nothing.yaml"] {
        let ran = folder.osp(&["validate", path]);
        assert_eq!(ran.code, Some(1), "{path}: {ran:?}");
        let place = format!("{path}:1:1: error[empty]: there is no OrganizationSessionPolicy in it\n");
        assert!(ran.out.starts_with(&place) && ran.out.contains("--allow-empty"), "{path}: {ran:?}");
        assert_eq!(folder.osp(&["validate", path, "--allow-empty"]).code, Some(0), "{path}");
    }
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let ran = folder.osp(&["validate", "empty"]);
    assert!(ran.code == Some(1) && ran.out.contains("error[empty]"), "{ran:?}");
    assert_eq!(folder.osp(&["validate", "empty", "--allow-empty"]).code, Some(0));
    let ran = folder.osp_with(&["validate", "-"], b"---\n");
    assert!(ran.code == Some(1) && ran.out.starts_with("<stdin>:1:1: error[empty]"), "{ran:?}");
    let ran = folder.osp(&["validate", "policies/*.yaml", "--allow-empty"]);
    assert!(ran.code == Some(1) && ran.out.contains("error[unreadable]"), "a path that is not there: {ran:?}");
}

#[test]
fn a_file_without_a_document_beside_a_policy_is_fine() {
    let folder = Folder::with(policy("a", "id: org_1"));
    folder.write("b.yaml", "# kept for later\n");
    folder.write("c.yaml", "---\n");
    for arguments in
        [&["validate", "a.yaml", "b.yaml", "c.yaml"][..], &["validate", "."], &["validate", "-f", "a.yaml"]]
    {
        let ran = folder.osp(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 policy valid\n"), "{arguments:?}");
    }
}

#[test]
fn a_saved_plan_in_a_folder_is_skipped_and_named() {
    let folder = Folder::new();
    folder.write("policies/a.yaml", policy("a", "id: org_1"));
    let plan = r#"{"version": 1, "environment": "acme.scalekit.com", "application": null, "summary": {}, "organizations": []}"#;
    folder.write("policies/plan.json", plan);
    let ran = folder.osp(&["validate", "policies"]);
    let said = "policies/plan.json:1:1: warning[wrong-kind]: skipped: this is a plan that osp plan --save wrote";
    assert!(ran.code == Some(0) && ran.out.starts_with(said), "{ran:?}");
    let ran = folder.osp(&["validate", "policies/plan.json"]);
    assert!(ran.code == Some(1) && ran.out.contains("osp apply --plan FILE applies it"), "{ran:?}");
}

#[test]
fn files_of_other_tools_do_not_fail_a_folder_but_are_named() {
    let folder = Folder::new();
    folder.write("policies/a.yaml", policy("a", "id: org_1"));
    folder.write("chart/templates/d.yaml", "{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n");
    folder.write("ci/matrix.yml", "? [a, b]\n: c\n");
    folder.write("data/big.json", format!("[{}1]", "1, ".repeat(3 << 20)));
    folder.write("data/text.yaml", "hello\n");
    folder.write("data/twice.yaml", "a: 1\na: 2\n");
    folder.write("data/latin.yaml", b"a: \xff\n");
    let ran = folder.osp(&["validate", "."]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let warnings: Vec<_> = ran.out.lines().filter_map(|line| line.split_once(": warning[")).collect();
    let named: Vec<_> = warnings.iter().map(|(place, rest)| (*place, rest.split(']').next().unwrap())).collect();
    let expected = [
        ("./chart/templates/d.yaml:1:2", "syntax"),
        ("./ci/matrix.yml:1:3", "syntax"),
        ("./data/big.json:1:1", "limit"),
        ("./data/latin.yaml:1:4", "encoding"),
    ];
    assert_eq!(named, expected, "{}", ran.out);
    assert!(ran.out.contains("\n1 policy valid, "), "{}", ran.out);
    // the same file by its name is an error
    for path in ["chart/templates/d.yaml", "ci/matrix.yml", "data/big.json", "data/latin.yaml", "data/text.yaml"] {
        assert_eq!(folder.osp(&["validate", "policies", path]).code, Some(1), "{path}");
    }
}

#[test]
fn a_broken_file_of_a_folder_that_mentions_our_kind_is_an_error() {
    let folder = Folder::new();
    folder.write("good/a.yaml", policy("a", "id: org_1"));
    let broken = policy("b", "id: org_2").replace("spec:", "spec: {{ x }}");
    let far = format!("# {}\n{broken}", "x".repeat(200_000));
    let upper = "kind: ORGANIZATIONSESSIONPOLICY\na: [\n".to_owned();
    let escaped =
        "\"\\x61piVersion\": \"scalekit\\u002ecom/v1alpha1\"\nkind: \"Organization\\x53essionPolicy\"\n".to_owned();
    for text in [broken, far, upper, escaped] {
        folder.write("good/b.yaml", &text);
        let ran = folder.osp(&["validate", "good"]);
        assert!(ran.code == Some(1) && ran.out.contains("good/b.yaml:"), "{text:.60}: {ran:?}");
    }
}

#[test]
fn a_saved_plan_that_is_named_as_a_manifest_is_recognised() {
    let folder = Folder::with(policy("a", "id: org_1"));
    let plan = r#"{"version": 1, "environment": "e", "application": null, "summary": {}, "organizations": []}"#;
    folder.write("plan.json", plan);
    for verb in ["validate", "plan", "apply"] {
        for input in [&["plan.json"][..], &["a.yaml", "plan.json"]] {
            let ran = folder.osp(&[&[verb], input].concat());
            let said = ran.out + &ran.err;
            assert!(
                ran.code == Some(1) && said.contains("this is a plan that osp plan --save wrote"),
                "{verb}: {said}"
            );
            assert!(said.contains("osp apply --plan FILE"), "{verb}: {said}");
        }
    }
    assert_eq!(folder.osp(&["validate", "."]).code, Some(0), "below a folder it is another file");
}
