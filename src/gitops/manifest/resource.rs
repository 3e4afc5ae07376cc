//! Finds the resources of our kind in a document, also in lists, and skips other kinds.

use super::scalar::{self, Ambiguity};
use super::tree::{Entry, Node, Position, Value};
use crate::crd::{GROUP, PLURAL, VERSION};
use crate::gitops::diagnostic::LONGEST;
use serde_json::{Map, Value as Json};

/// What a document, or an item of a list, is.
#[derive(Debug, PartialEq)]
pub(super) enum Resource<'a> {
    /// Our kind, perhaps misspelled.
    Ours(&'a Node),
    Other,
    /// A list of our kind where kubectl takes none: an item of a list, or a document without `kind: List`.
    Misplaced(&'a Node),
    /// Another kind with our kind in its `items`: kubectl creates these whatever the kind is.
    Hiding(&'a Node),
    /// Neither a map nor a list, so no resource at all.
    Text(&'a Node),
    /// An item of a list of our kind with neither `apiVersion` nor `kind`: kubectl takes both from the list.
    OfList(&'a Node),
    /// An item without `apiVersion` or `kind` in a list that has our kind: kubectl refuses what is behind it.
    Nameless(&'a Node),
}

const KIND: &str = "organizationsessionpolicy";

/// Passes the resources of `document` to `take`, in order; none for an empty document.
pub(super) fn resources<'a>(document: &'a Node, take: &mut dyn FnMut(Resource<'a>)) {
    match &document.value {
        Value::Scalar { text, plain: true } if scalar::resolve(text) == Some(Json::Null) => {}
        Value::Scalar { .. } => take(Resource::Text(document)),
        Value::List(items) if items.iter().any(has_ours) => take(Resource::Misplaced(document)),
        Value::List(_) => take(Resource::Other),
        Value::Map(_) => match list(document) {
            Some(items) => items.iter().for_each(|item| match item.value {
                Value::Map(_) if list(item).is_some() && has_ours(item) => take(Resource::Misplaced(item)),
                Value::Map(_) if item.get("kind").and(item.get("apiVersion")).is_some() => resources(item, take),
                Value::Map(_) if is_ours(item) => take(Resource::Ours(item)),
                // in a list of our kind every item was meant to be of our kind
                Value::Map(_) if is_ours(document) && item.get("kind").or(item.get("apiVersion")).is_none() => {
                    take(Resource::OfList(item));
                }
                _ if is_ours(document) => take(Resource::Ours(item)),
                _ if items.iter().any(is_ours) => take(Resource::Nameless(item)),
                _ => take(Resource::Other),
            }),
            None if is_ours(document) => take(Resource::Ours(document)),
            None if items(document).is_some_and(|items| items.iter().any(has_ours)) => take(Resource::Hiding(document)),
            None => take(Resource::Other),
        },
    }
}

/// Whether there is a resource of our kind in `document`.
pub(super) fn has_ours(document: &Node) -> bool {
    let mut found = false;
    resources(document, &mut |resource| {
        found |=
            matches!(resource, Resource::Ours(_) | Resource::OfList(_) | Resource::Misplaced(_) | Resource::Hiding(_));
    });
    found
}

/// Whether kubectl takes a document for an object: its `apiVersion` and `kind` are texts, and a List has items. So it
/// does with an empty document, which it skips; a text and what is of our kind have findings of their own.
pub(super) fn is_object(document: &Node) -> bool {
    let text = |field| document.get(field).map(json).and_then(|value| value.as_str().map(str::to_owned));
    match &document.value {
        Value::Scalar { .. } => true,
        Value::List(_) => has_ours(document),
        Value::Map(_) => match (text("apiVersion"), text("kind")) {
            (Some(version), Some(kind)) if !version.is_empty() && !kind.is_empty() => {
                kind != "List" || items(document).is_some()
            }
            _ => has_ours(document),
        },
    }
}

/// Whether `document` is what `osp plan --save` writes.
pub(super) fn is_saved_plan(document: &Node) -> bool {
    let fields = ["version", "environment", "application", "summary", "organizations"];
    document.get("kind").is_none() && fields.iter().all(|field| document.get(field).is_some())
}

/// The items of a `v1` List, or of a list of our kind.
fn list(document: &Node) -> Option<&[Node]> {
    let text = |field| document.get(field).and_then(Node::text);
    let known = match text("kind")? {
        "List" => text("apiVersion") == Some("v1"),
        "OrganizationSessionPolicyList" => {
            text("apiVersion").and_then(|version| version.split_once('/')) == Some((GROUP, VERSION))
        }
        _ => false,
    };
    items(document).filter(|_| known)
}

/// What a list of our kind has beside its items, and whether the list is of our kind alone; `None` for what is no list.
pub(super) fn head_of_list(document: &Node) -> Option<(Map<String, Json>, bool)> {
    list(document).filter(|_| has_ours(document))?;
    let head = document.entries().iter().filter(|entry| *entry.key != *"items");
    let head = head.map(|entry| (entry.key.to_string(), json(&entry.value))).collect();
    Some((head, document.get("kind").and_then(Node::text) != Some("List")))
}

fn items(document: &Node) -> Option<&[Node]> {
    match &document.get("items")?.value {
        Value::List(items) => Some(items),
        _ => None,
    }
}

/// Whether a document is of our kind. A misspelled `kind` or `apiVersion` counts, since skipping the
/// document would call it valid. Checks every value of a key that is there twice.
fn is_ours(document: &Node) -> bool {
    document.entries().iter().any(|entry| {
        let text = entry.value.text().unwrap_or_default().to_ascii_lowercase();
        match &*entry.key {
            "kind" => text.starts_with(KIND) || text == PLURAL,
            "apiVersion" => text == GROUP || text.starts_with("scalekit.com/"),
            _ => false,
        }
    })
}

/// `node` as JSON. Takes the last value of a key that is there twice, and the text of a number that
/// JSON does not have; both have diagnostics of their own.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, plain: true } => scalar::resolve(text).unwrap_or_else(|| Json::from(&**text)),
        Value::Scalar { text, plain: false } => Json::from(&**text),
        Value::List(values) => Json::Array(values.iter().map(json).collect()),
        Value::Map(entries) => {
            let fields = entries.iter().map(|entry| (entry.key.to_string(), json(&entry.value)));
            Json::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// The same of an item that takes its `apiVersion` and `kind` from its list.
pub(super) fn json_of_item(node: &Node) -> Json {
    let mut json = json(node);
    if let Json::Object(fields) = &mut json {
        fields.insert("apiVersion".into(), format!("{GROUP}/{VERSION}").into());
        fields.insert("kind".into(), "OrganizationSessionPolicy".into());
    }
    json
}

/// Passes every ambiguous value and key of `node` to `take`, with its position and its path.
pub(super) fn ambiguities(node: &Node, path: &str, take: &mut dyn FnMut(Position, &str, Ambiguity)) {
    // cut to what is shown, since every path below a long key would repeat it
    let path = path.get(..path.floor_char_boundary(2 * LONGEST)).unwrap_or(path);
    match &node.value {
        Value::Scalar { text, plain } => {
            if let Some(ambiguity) = scalar::ambiguity(text).filter(|_| *plain) {
                take(node.at, path, ambiguity);
            }
        }
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                ambiguities(value, &format!("{path}[{index}]"), take);
            }
        }
        Value::Map(entries) => {
            for Entry { at, key, plain, value } in entries {
                let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
                if let Some(ambiguity) = scalar::key_ambiguity(key).filter(|_| *plain) {
                    take(*at, &path, ambiguity);
                }
                ambiguities(value, &path, take);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::tests::document;
    use super::*;
    use serde_json::json;

    /// `o` ours, `i` ours by its list, `-` other, `t` text, `n` misplaced, `x` nameless, `h` hiding ours.
    fn shape(text: &str) -> String {
        let root = document(text);
        let mut shape = String::new();
        resources(&root, &mut |resource| {
            shape.push(match resource {
                Resource::Ours(_) => 'o',
                Resource::OfList(_) => 'i',
                Resource::Other => '-',
                Resource::Text(_) => 't',
                Resource::Misplaced(_) => 'n',
                Resource::Nameless(_) => 'x',
                Resource::Hiding(_) => 'h',
            });
        });
        shape
    }

    #[test]
    fn our_kind_is_found_in_documents_and_lists_and_almost_our_kind_too() {
        for (text, expected) in [
            ("{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicy}", "o"),
            ("{apiVersion: scalekit.com/v1, kind: OrganizationSessionPolicy}", "o"),
            ("{apiVersion: v1, kind: organizationsessionpolicy}", "o"),
            ("{kind: OrganizationSessionPolicies}", "o"),
            ("{apiVersion: scalekit.com/v1alpha1, kind: Organisation}", "o"),
            ("{kind: Secret, kind: OrganizationSessionPolicy}", "o"),
            ("{apiVersion: v1, kind: Secret}", "-"),
            ("{apiVersion: notscalekit.com/v1, kind: OtherPolicy}", "-"),
            ("{a: 1}", "-"),
            ("[1]", "-"),
            ("[{kind: OrganizationSessionPolicy}]", "n"),
            ("hello", "t"),
            ("'null'", "t"),
            ("---\n# nothing", ""),
            ("{apiVersion: v1, kind: List, items: [{kind: OrganizationSessionPolicy}, {kind: Pod}, 1]}", "oxx"),
            (
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}, {}, null, \
                 {kind: OrganizationSessionPolicy}]}",
                "-xxo",
            ),
            ("{apiVersion: v1, kind: List, items: [{kind: Pod}, {}, null]}", "---"),
            ("{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicyList, items: [{}, 1]}", "io"),
            (
                "{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicyList, items: [\
                 {kind: OrganizationSessionPolicy}, {apiVersion: scalekit.com/v1alpha1}, {metadata: {}}]}",
                "ooi",
            ),
            ("{apiVersion: scalekit.com/v2, kind: OrganizationSessionPolicyList, items: []}", "o"),
            ("{apiVersion: v1, kind: ConfigMap, items: [{kind: OrganizationSessionPolicy}]}", "h"),
            ("{apiVersion: v2, kind: List, items: [{kind: OrganizationSessionPolicy}]}", "h"),
            (
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMapList, items: [\
                 {kind: OrganizationSessionPolicy}]}]}",
                "h",
            ),
            ("{apiVersion: v1, kind: ConfigMap, items: [{kind: Pod}]}", "-"),
            ("{apiVersion: v1, kind: List, items: 3}", "-"),
            ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [{kind: Pod}]}]}", "-"),
            (
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [\
                 {kind: OrganizationSessionPolicy}]}, {apiVersion: v1, kind: Pod}]}",
                "n-",
            ),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn a_document_is_an_object_if_its_version_and_kind_are_texts() {
        for (text, expected) in [
            ("{apiVersion: v1, kind: Pod}", true),
            ("{apiVersion: v1, kind: List, items: []}", true),
            ("~", true),
            ("{}", false),
            ("[]", false),
            ("[{apiVersion: v1, kind: Pod}]", false),
            ("{kind: Pod}", false),
            ("{apiVersion: v1}", false),
            ("{apiVersion: v1, kind: ~}", false),
            ("{apiVersion: v1, kind: 3}", false),
            ("{apiVersion: v1, kind: ''}", false),
            ("{apiVersion: v1, kind: {a: b}}", false),
            ("{apiVersion: v1, kind: List, items: {}}", false),
            ("{apiVersion: v1, kind: List}", false),
        ] {
            assert_eq!(is_object(&document(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_tree_is_the_json_that_a_reader_of_yaml_1_2_sees() {
        let root = document("a: yes\nb: 010\nc: !!str 1\nd: [~, 1.5]\ne: .nan\nf: \"8\"\n");
        assert_eq!(json(&root), json!({"a": "yes", "b": 10, "c": "1", "d": [null, 1.5], "e": ".nan", "f": "8"}));
    }

    #[test]
    fn values_and_keys_without_quotes_are_ambiguous_and_reported_with_their_own_positions() {
        let root = document("a: yes\n\"on\": [1, 010]\non: {no: .nan}\n!!str off: 'yes'\n");
        let mut found = Vec::new();
        ambiguities(&root, "", &mut |at, path, _| found.push((path.to_owned(), at.line, at.column)));
        let expected = [("a", 1, 4), ("on[1]", 2, 11), ("on", 3, 1), ("on.no", 3, 6), ("on.no", 3, 10)];
        assert_eq!(found, expected.map(|(path, line, column)| (path.to_owned(), line, column)));
    }
}
