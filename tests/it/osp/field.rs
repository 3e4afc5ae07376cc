//! Input as people have it: each kind was reported of a tool like this one.

use super::{Folder, policy};

/// A resource with a block of metadata.
fn block(rest: &str) -> String {
    format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata:\n  name: a\nspec:\n  \
         organization:\n    id: org_1\n  policy:\n    policySource: APPLICATION\n{rest}"
    )
}

fn json(name: &str, rest: &str) -> String {
    format!(
        r#"{{"apiVersion":"scalekit.com/v1alpha1","kind":"OrganizationSessionPolicy","metadata":{{"name":"{name}"{rest}}},"spec":{{"organization":{{"id":"org_{name}"}},"policy":{{"policySource":"APPLICATION"}}}}}}"#
    )
}

/// Whether a file has no finding.
fn is_valid(name: &str, content: impl AsRef<[u8]>) -> bool {
    let folder = Folder::new();
    folder.write(name, content);
    let ran = folder.osp(&["validate", name]);
    assert!(ran.code == Some(0) || ran.out.starts_with(&format!("{name}:")), "{}", ran.out);
    ran.code == Some(0)
}

#[test]
fn json_objects_one_after_the_other_are_as_many_policies() {
    let [a, b] = [json("a", ""), json("b", "")];
    let pretty =
        |text: &str| serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap()).unwrap();
    for text in
        [format!("{a}{b}"), format!("{a}\n{b}\n"), format!("{}\n{}", pretty(&a), pretty(&b)), format!("{a}\r\n\r\n{b}")]
    {
        let folder = Folder::new();
        folder.write("a.json", &text);
        assert_eq!(folder.osp(&["validate", "a.json"]).out, "2 policies valid\n", "{text}");
        assert_eq!(folder.osp_with(&["validate", "-"], text.as_bytes()).out, "2 policies valid\n", "{text}");
    }
    assert!(!is_valid("a.json", format!("{a}{{")), "a part of one is none");
    assert!(!is_valid("a.json", format!("{a}]")));
}

/// kubectl creates the policy, fails at the other document, and a pipeline is red after a green check.
#[test]
fn a_document_that_is_no_object_is_found_beside_a_policy_and_only_there() {
    let good = policy("a", "id: org_1");
    for other in ["{}", "[]", "[1]", "a: 1", "kind: ConfigMap", "apiVersion: v1\nkind: List", "apiVersion: v1\nkind: 3"]
    {
        for (text, line) in
            [(format!("---\n{other}\n---\n{good}"), 2), (format!("{good}---\n{other}\n"), good.lines().count() + 2)]
        {
            let ran = Folder::with(&text).osp(&["validate", "a.yaml"]);
            let place = format!("a.yaml:{line}:1: error[wrong-kind]: kubectl refuses this document");
            assert!(ran.code == Some(1) && ran.out.starts_with(&place), "{text}: {}", ran.out);
        }
        let folder = Folder::with(&good);
        folder.write("values.yaml", other);
        assert_eq!(folder.osp(&["validate", "a.yaml", "values.yaml"]).code, Some(0), "{other}");
    }
    let json = json("a", "");
    assert!(!is_valid("a.json", format!("{{}}{json}")) && !is_valid("a.json", format!("{json}\n[]")));
}

/// kubectl from 1.27 to 1.32, the oldest that are supported, refuses each of these or reads a part of it; what is the
/// same behind a line of --- it reads whole.
#[test]
fn what_begins_with_a_brace_is_json_alone() {
    let (flow, json) = (policy_in_braces("a"), json("b", ""));
    for text in [
        flow.clone(),
        format!("\n  {flow}"),
        format!("\u{feff}{flow}"),
        format!("{json}\n---\n{}", policy("a", "id: org_1")),
        format!("{json}\n---\n{json}"),
        format!("{json}\n---\n"),
        format!("{json} # mine\n"),
        json.replace('"', "'"),
        json.replace("}}", ",}}"),
        json.replace("org_b", "org_\tb"),
        format!("{json}\n\u{feff}{json}"),
    ] {
        let out = Folder::with(&text).osp(&["validate", "a.yaml"]).out;
        assert!(
            out.contains("error[syntax]: kubectl before 1.33 reads a text that begins with { as JSON"),
            "{text}: {out}"
        );
        assert!(
            out.contains("\n  fix: check the JSON; if it is YAML, begin the text with a line of ---\n"),
            "{text}: {out}"
        );
    }
    assert!(is_valid("a.yaml", format!("---\n{flow}---\n{json}\n---\n")));
    assert!(is_valid("a.json", format!("\u{feff}{json}")), "a byte order mark is no character of the text");
}

fn policy_in_braces(name: &str) -> String {
    format!(
        "{{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicy, metadata: {{name: {name}}},\n spec: \
         {{organization: {{id: org_1}}, policy: {{policySource: APPLICATION}}}}}}\n"
    )
}

#[test]
fn items_of_a_list_of_policies_take_their_kind_from_it() {
    let item = |head: &str, name: &str| {
        format!(
            "{{{head}metadata: {{name: {name}}}, spec: {{organization: {{id: org_{name}}}, policy: {{policySource: APPLICATION}}}}}}"
        )
    };
    let list = |kind: &str, items: &[String]| {
        format!("apiVersion: scalekit.com/v1alpha1\nkind: {kind}\nitems: [{}]\n", items.join(", "))
    };
    let policies = list("OrganizationSessionPolicyList", &[item("", "a"), item("", "b")]);
    assert_eq!(Folder::with(policies).osp(&["validate", "a.yaml"]).out, "2 policies valid\n");
    for head in ["kind: OrganizationSessionPolicy, ", "apiVersion: scalekit.com/v1alpha1, "] {
        let one = list("OrganizationSessionPolicyList", &[item(head, "a")]);
        assert!(!is_valid("a.yaml", one), "kubectl refuses half of it: {head}");
    }
    assert!(!is_valid("a.yaml", list("List", &[item("", "a")])));
}

#[test]
fn a_list_is_found_where_kubectl_refuses_it() {
    let list =
        |item: &str| format!("apiVersion: v1\nkind: List\nitems:\n- {}\n", item.trim_end().replace('\n', "\n  "));
    let [one, two] = [list(&block("")), list(&list(&block("")))];
    assert!(is_valid("a.yaml", &one));
    let out = Folder::with(two).osp(&["validate", "a.yaml"]).out;
    assert!(out.starts_with("a.yaml:4:3: error[wrong-kind]: kubectl refuses a list here\n"), "{out}");
    assert!(!is_valid("a.json", format!("[{}]", json("a", ""))));
}

#[test]
fn an_item_that_kubectl_refuses_the_rest_of_a_list_for_is_found() {
    let other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}";
    let list = |item: &str| {
        let policy = block("").trim_end().replace('\n', "\n  ");
        format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n- {policy}\n")
    };
    assert!(is_valid("a.yaml", list(other)));
    for item in ["null", "3", "[]", "{}", "{kind: Pod}", "{apiVersion: v1}"] {
        let out = Folder::with(list(item)).osp(&["validate", "a.yaml"]).out;
        let said =
            "a.yaml:4:3: error[wrong-kind]: kubectl refuses a list with an item that has no apiVersion or no kind\n";
        assert!(out.starts_with(said), "{item}: {out}");
    }
}

#[test]
fn a_field_behind_a_line_end_of_yaml_1_1_is_found() {
    for end in ['\u{2028}', '\u{2029}', '\u{85}'] {
        assert!(!is_valid("a.yaml", block(&format!("  mode: Observe # reviewed{end}  suspend: true\n"))), "{end:?}");
        assert!(!is_valid("a.yaml", block(&format!("# a{end}"))), "{end:?}");
    }
}

#[test]
fn a_line_with_a_tab_in_its_indent_is_found_and_one_behind_a_value_is_not() {
    for line in ["\t\n", "  \t# note\n", "\t# note\n", "  \tmode: Observe\n"] {
        assert!(!is_valid("a.yaml", block(&format!("  interval: 10m\n{line}  suspend: false\n"))), "{line:?}");
    }
    for line in ["  interval: 10m\t# ten\n", "  interval:\t10m\n", "  interval: 10m\t\n"] {
        assert!(is_valid("a.yaml", block(line)), "{line:?}");
    }
}

#[test]
fn directives_that_kubectl_refuses_are_found() {
    for directive in ["%YAML 1.2", "%TAG ! tag:example.com,2000:", "%FOO bar"] {
        assert!(!is_valid("a.yaml", format!("{directive}\n---\n{}", block(""))), "{directive}");
    }
}

#[test]
fn escapes_of_json_are_of_json_alone() {
    for escape in [r"\ud83d\ude00", r"\/"] {
        let yaml = block("").replace("name: a\n", &format!("name: a\n  annotations:\n    note: \"{escape}\"\n"));
        assert!(!is_valid("a.yaml", yaml), "{escape}");
        assert!(is_valid("a.json", json("a", &format!(r#","annotations":{{"note":"{escape}"}}"#))), "{escape}");
    }
}

#[test]
fn a_byte_order_mark_begins_a_document_and_no_separator() {
    let [a, b] = [policy("a", "id: org_1"), policy("b", "id: org_2")];
    assert!(is_valid("a.yaml", format!("\u{feff}{a}---\n\u{feff}{b}")));
    assert!(!is_valid("a.yaml", format!("\u{feff}---\n{a}\u{feff}---\n{b}")));
}

/// kubectl names neither the field nor what to write.
#[test]
fn a_number_in_metadata_is_named_with_its_field_its_line_and_the_quotes_that_it_needs() {
    for (metadata, place, field, is, fix) in [
        (
            "labels:\n    team: core\n    cost: 4711",
            "7:11",
            "labels.cost",
            "4711 without quotes is a number",
            "write \"4711\"",
        ),
        ("labels:\n    a.b/c-d: 1.50", "6:14", "labels.a.b/c-d", "1.5 without quotes is a number", "write \"1.50\""),
        (
            "annotations: {on-call: true}",
            "5:26",
            "annotations.on-call",
            "true without quotes is a boolean",
            "write \"true\"",
        ),
        ("annotations:\n    note:", "6:9", "annotations.note", "null", "write \"\" for an empty text, or remove it"),
        ("labels:\n    a: [b]", "6:5", "labels.a", "this is a list", "write a text"),
        ("namespace: 42", "5:14", "namespace", "42 without quotes is a number", "write \"42\""),
    ] {
        let text = block("").replace("name: a\n", &format!("name: a\n  {metadata}\n"));
        let out = Folder::with(text).osp(&["validate", "a.yaml"]).out;
        let head = format!("a.yaml:{place}: error[metadata]: metadata.{field}: must be a text, and ");
        assert!(out.starts_with(&head) && out.contains(is), "{head}{is}\n{out}");
        assert!(out.contains(&format!("\n  fix: {fix}\n1 finding in 1 policy\n")), "{fix}\n{out}");
    }
    let out = Folder::with(block("").replace("name: a\n", "name: 7\n")).osp(&["validate", "a.yaml"]).out;
    assert!(out.starts_with("a.yaml:4:9: error[metadata]: metadata.name: must be a text"), "{out}");
    assert!(out.contains("write \"7\"\n1 finding"), "and not that there is no name: {out}");
}
