//! Findings of every rule, with names and texts that each format has to escape.

use super::super::{Folder, Ran, policy};
use serde_json::Value;
use session_policy_operator::gitops::Rule;
use std::{collections::BTreeSet, os::unix::fs::symlink};

pub(super) struct Sample {
    folder: Folder,
    /// Named by its absolute path.
    elsewhere: Folder,
}

impl Sample {
    pub(super) fn new() -> Self {
        let (folder, elsewhere) = (Folder::new(), Folder::new());
        let fields = "  mode: \"{0} [x](1) 100%0A ]]> <&'\\\" \\u0001\\u001b[31m\\uffff\\ufffe\\r\\n\"\n  suspend: yes\n  other: 1\n";
        folder.write("a b.yaml", policy("A", "id: org_1") + fields);
        folder.write("#1.yaml", "a: {b: 1, b: 2} # OrganizationSessionPolicy\n");
        folder.write("100%.yaml", policy("b", "id: org_2").replace("APPLICATION", "CUSTOM"));
        let long = "CUSTOM, absoluteSessionTimeout: 2, absoluteSessionTimeoutUnit: DAYS";
        folder.write("long.yaml", policy("long", "id: org_5").replace("APPLICATION", long));
        folder.write("c:d,e=f;g.yaml", "a: 'b OrganizationSessionPolicy\n---\nc: [\n");
        folder.write("ü/日本.yml", b"a: \xff # OrganizationSessionPolicy\n");
        folder.write("q?x&y='<\">.json", "[".repeat(100) + "\"OrganizationSessionPolicy\"");
        folder.write("new\nline\u{1}.yaml", "kind: organizationsessionpolicy\n");
        folder.write("[x](1)/first.yaml", policy("c", "id: org_3"));
        folder.write(
            "[x](1)/then.yaml",
            policy("c", "id: org_4") + "---\n" + &policy("c", "id: org_4") + "---\n" + &policy("d", "id: org_3"),
        );
        folder.write("nothing/notes.txt", "");
        symlink("nowhere", folder.path().join("gone.yaml")).unwrap();
        elsewhere.write("ü #.yaml", "' OrganizationSessionPolicy");
        let long = "long".repeat(50);
        folder.write(&format!("{long}/{long}/{long}/{long}.yaml"), "' OrganizationSessionPolicy");
        Self { folder, elsewhere }
    }

    pub(super) fn ran(&self, output: &str) -> String {
        let elsewhere = self.elsewhere.path().to_str().unwrap();
        let paths = [elsewhere, "nothing", ".//[x](1)/./first.yaml", ".", "-"];
        let arguments: Vec<_> =
            ["validate", "--max-absolute", "24h", "--output", output].into_iter().chain(paths).collect();
        let Ran { code, out, err } = self.folder.osp_with(&arguments, b"just a text\n");
        assert_eq!((code, err.as_str()), (Some(1), ""));
        out
    }

    /// All that any format has to tell.
    pub(super) fn findings(&self) -> Vec<Value> {
        let mut all: Value = serde_json::from_str(&self.ran("json")).unwrap();
        let Value::Array(findings) = all["findings"].take() else { panic!("{all}") };
        let rules: BTreeSet<_> = findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
        assert_eq!(rules, Rule::ALL.iter().map(|rule| rule.name()).collect(), "the sample lacks a rule");
        assert!(findings.iter().any(|finding| finding["other"]["file"].as_str().is_some_and(|f| f.contains("[x](1)"))));
        findings
    }
}

/// Field, message and fix of a finding, as the formats put them together.
pub(super) fn text(finding: &Value) -> String {
    let part = |name: &str| finding[name].as_str().filter(|part| !part.is_empty());
    let field = part("field").map(|field| format!("{field}: ")).unwrap_or_default();
    let fix = part("fix").map(|fix| format!("\nfix: {fix}")).unwrap_or_default();
    format!("{field}{}{fix}", part("message").unwrap())
}
