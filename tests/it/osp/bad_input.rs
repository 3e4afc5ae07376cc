//! Input that is no manifest at all: reported with its place, exit code 1.

use super::{Folder, policy};

/// Content, the place, and a part of what is said.
const TABLE: &[(&[u8], &str, &str)] = &[
    (b"", "1:1", "there is no OrganizationSessionPolicy"),
    (b"---\n", "1:1", "there is no OrganizationSessionPolicy"),
    (b"\xef\xbb\xbf# nothing\n", "1:1", "there is no OrganizationSessionPolicy"),
    (b"a: 1\nb: \xff", "2:4", "not UTF-8"),
    (b"\xff\xfea\0", "1:1", "UTF-16"),
    (b"a:\n\tb: 1\n", "2:2", "indent with spaces"),
    (b"a: {b: 1, c: 2, b: 3}\n", "1:17", "the key b is in this map already"),
    (b"a: *b\n", "1:4", "unknown anchor"),
    (b"a: &a [*a]\n", "1:8", "part of what it stands for"),
    (b"a: [1\n", "1:4", "unclosed"),
    (b"a: \x00\n", "1:4", ""),
    (b"{{ template }}\n", "1:2", "this is a template"),
    (b"{apiVersion: v1, kind: ConfigMap}\n", "1:2", "kubectl before 1.33 reads a text that begins with { as JSON"),
    (b"{}\n---\na: 1\n", "2:2", "begin the text with a line of ---"),
    (b"just a text\n", "1:1", "this is a text"),
    (b"a: 1\r\nb: 'c\r\n", "2:4", "unclosed quote"),
    (b"kind: OrganizationSessionPolicy\n", "1:1", "must be scalekit.com/v1alpha1"),
    (b"apiVersion: scalekit.com/v1beta1\nkind: OrganizationSessionPolicy\n", "1:13", "must be scalekit.com/v1alpha1"),
    (b"apiVersion: scalekit.com/v1alpha1\nkind: OrganisationSessionPolicy\n", "2:7", "must be OrganizationSession"),
];

#[test]
fn row_097_every_bad_input_is_reported_with_its_location() {
    for (content, place, part) in TABLE {
        let ran = Folder::with(content).osp(&["validate", "a.yaml"]);
        let shown = String::from_utf8_lossy(content);
        assert!(ran.out.starts_with(&format!("a.yaml:{place}: ")), "{shown:?}: {}", ran.out);
        assert!(ran.out.contains(part), "{shown:?}: {}", ran.out);
        assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{shown:?}");
    }
}

#[test]
fn row_097_a_byte_order_mark_and_line_breaks_of_windows_are_accepted() {
    let text = format!("\u{feff}{}", policy("a", "id: org_1").replace('\n', "\r\n"));
    let ran = Folder::with(&text).osp(&["validate", "a.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 policy valid\n"));
    let ran = Folder::with(text.replace("{name", "{nam")).osp(&["validate", "a.yaml"]);
    assert!(ran.out.contains("a.yaml:3:12: error[unknown-field]: metadata.nam: "), "{}", ran.out);
}

#[test]
fn row_097_values_that_tools_read_differently_are_reported() {
    let text = policy("a", "id: org_1")
        .replace("APPLICATION", "CUSTOM, absoluteSessionTimeout: VALUE, absoluteSessionTimeoutUnit: MINUTES");
    for (value, part) in [
        ("010", "010 is 10 in YAML 1.2 but 8 to kubectl\n  fix: write 10 or 8, whichever is meant"),
        (".nan", ".nan is not a number"),
        ("0x1_0", "0x1_0 is a text in YAML 1.2 but a number"),
        ("yes", "yes is a text in YAML 1.2 but true"),
        ("Off", "Off is a text in YAML 1.2 but false"),
    ] {
        let ran = Folder::with(text.replace("VALUE", value)).osp(&["validate", "a.yaml"]);
        let place = "a.yaml:6:58: error[ambiguous-value]: spec.policy.absoluteSessionTimeout: ";
        assert!(ran.out.contains(&format!("{place}{part}")), "{value}: {}", ran.out);
        assert_eq!(ran.code, Some(1));
    }
}

#[test]
fn row_097_keys_that_tools_read_differently_are_reported_with_their_location() {
    for (key, meaning) in [
        ("on", "true"),
        ("No", "false"),
        ("True", "true"),
        ("~", "null"),
        ("Null", "null"),
        ("010", "a number"),
        ("0x1F", "a number"),
        ("1_000", "a number"),
        ("1.0", "a number"),
    ] {
        let text = policy("a, labels: {a: b, KEY: c}", "id: org_1").replace("KEY", key);
        let ran = Folder::with(&text).osp(&["validate", "a.yaml"]);
        let expected = format!(
            "a.yaml:3:36: error[ambiguous-value]: metadata.labels.{key}: the key {key} is {meaning} to kubectl, not a \
             text\n  fix: write \"{key}\"\n"
        );
        assert!(ran.out.starts_with(&expected), "{}", ran.out);
        assert_eq!(ran.code, Some(1), "{key}");
        let quoted = Folder::with(text.replace(&format!("{key}:"), &format!("\"{key}\":")));
        assert!(!quoted.osp(&["validate", "a.yaml"]).out.contains("ambiguous-value"), "{key}");
    }
    let plain = policy("a, labels: {true: a, \"on\": b, 8: c, 1.5: d, yesterday: e}", "id: org_1");
    assert_eq!(Folder::with(plain).osp(&["validate", "a.yaml"]).out, "1 policy valid\n");
    let other = "kind: Workflow\non: push\n";
    assert_eq!(
        Folder::with(other).osp(&["validate", "--allow-empty", "a.yaml"]).code,
        Some(0),
        "of other kinds nothing is said"
    );
}

#[test]
fn a_document_at_fault_hides_none_before_or_after_it() {
    let text =
        policy("A", "id: org_1") + "---\na: 'b\n---\n" + &policy("B", "id: org_2") + "---\n{{ x }}: 1\n...\na: *b\n";
    let ran = Folder::with(text).osp(&["validate", "a.yaml"]);
    let places: Vec<_> = ran.out.lines().filter_map(|line| line.split_once(']')).map(|(place, _)| place).collect();
    assert_eq!(
        places,
        [
            "a.yaml:3:18: error[metadata",
            "a.yaml:8:4: error[syntax",
            "a.yaml:12:18: error[metadata",
            "a.yaml:17:2: error[syntax"
        ],
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("4 findings in 2 policies\n"), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn a_path_that_leads_nowhere_is_reported() {
    let folder = Folder::new();
    folder.write("empty/notes.txt", "");
    for (path, part) in
        [("none.yaml", "error[unreadable]: there is no such file"), ("empty", "error[empty]: no file below")]
    {
        let ran = folder.osp(&["validate", path]);
        assert!(ran.out.starts_with(&format!("{path}:1:1: {part}")), "{}", ran.out);
        assert_eq!(ran.code, Some(1));
    }
    assert_eq!(folder.osp(&["validate"]).code, Some(1), "2 means changes, so a wrong argument is a plain error");
}

#[cfg(unix)]
#[test]
fn links_lead_round_in_no_circle() {
    use std::os::unix::fs::symlink;
    let folder = Folder::with(policy("a", "id: org_1"));
    symlink(".", folder.path().join("again")).unwrap();
    symlink("a.yaml", folder.path().join("same.yaml")).unwrap();
    assert_eq!(folder.osp(&["validate", "."]).out, "1 policy valid\n");
    symlink("loop.yaml", folder.path().join("loop.yaml")).unwrap();
    let ran = folder.osp(&["validate", "."]);
    assert!(ran.out.starts_with("./loop.yaml:1:1: error[unreadable]: cannot be read: "), "{}", ran.out);
    assert!(ran.out.ends_with("\n1 finding in 1 policy\n"), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_opens_but_does_not_read_is_reported() {
    let ran = Folder::new().osp(&["validate", "/proc/self/mem"]);
    assert!(ran.out.starts_with("/proc/self/mem:1:1: error[unreadable]: cannot be read: "), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}
