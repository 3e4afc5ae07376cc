//! The tree of a YAML document, with the position of each node.

/// The beginning of a node in its file. Line and column count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `plain`: without quotes, so that the text decides on the type.
    Scalar {
        text: Box<str>,
        plain: bool,
    },
    /// In the order of the file; a key may be there twice.
    Map(Vec<Entry>),
    List(Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: Position,
    pub(super) key: Box<str>,
    /// Without quotes, so that some readers take the key for a boolean or a number.
    pub(super) plain: bool,
    pub(super) value: Node,
}

impl Node {
    /// The first value of `key`; `None` unless this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| *entry.key == *key).map(|entry| &entry.value)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The node at a path of fields, in the form of [`Self::locate`]; `None` for a path into a list.
    pub(super) fn find(&self, path: &str) -> Option<&Node> {
        let path = path.trim_start_matches('.');
        if path.is_empty() {
            return Some(self);
        }
        let entry = self.entry(path)?;
        entry.value.find(path.get(entry.key.len()..)?)
    }

    /// The entry of a map that `path` begins with; the keys of labels contain dots.
    fn entry(&self, path: &str) -> Option<&Entry> {
        let under = |entry: &&Entry| {
            path.strip_prefix(&*entry.key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.entries().iter().filter(under).max_by_key(|entry| entry.key.len())
    }

    /// The text of a scalar, whatever its type.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Scalar { text, .. } = &self.value { Some(text) } else { None }
    }

    /// The number of nodes: this one, and all below it with their keys.
    pub(super) fn count(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 1,
            Value::Map(entries) => entries.iter().fold(1, |sum, entry| sum + 1 + entry.value.count()),
            Value::List(values) => values.iter().fold(1, |sum, value| sum + value.count()),
        }
    }

    /// The position of the node at `path`, in the form of [`crate::crd::check`]: `spec.list[0].field`.
    /// For a scalar that of its value; for a map or list, whose value may begin a line below, that of
    /// its key. For a missing node that of its nearest parent.
    pub(super) fn locate(&self, path: &str) -> Position {
        self.follow(path, self.at, false)
    }

    /// The position of the key of the field at `path`, or of its nearest parent.
    pub(super) fn locate_key(&self, path: &str) -> Position {
        self.follow(path, self.at, true)
    }

    fn follow(&self, path: &str, own: Position, key: bool) -> Position {
        let path = path.trim_start_matches('.');
        if path.is_empty() {
            return if !key && matches!(self.value, Value::Scalar { .. }) { self.at } else { own };
        }
        match &self.value {
            Value::Scalar { .. } => own,
            Value::Map(_) => self.entry(path).map_or(own, |entry| {
                entry.value.follow(path.get(entry.key.len()..).unwrap_or_default(), entry.at, key)
            }),
            Value::List(values) => {
                let path = path.trim_start_matches('[');
                let (index, rest) = path.split_at(path.find(|c: char| !c.is_ascii_digit()).unwrap_or(path.len()));
                let value = index.parse::<usize>().ok().and_then(|index| values.get(index));
                value.map_or(own, |value| value.follow(rest.trim_start_matches(']'), value.at, key))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::tests::document;
    use super::*;

    const TEXT: &str = "\
spec:
  policy:
    idle: 5
  list:
  - a: 1
  - b: {c: 2}
metadata:
  labels:
    a.b/c: x
    a: y
";

    #[test]
    fn a_path_leads_to_its_value_or_to_the_nearest_parent() {
        let root = document(TEXT);
        assert_eq!(root.count(), 25);
        for (path, line, column) in [
            ("", 1, 1),
            ("spec", 1, 1),
            ("spec.policy", 2, 3),
            ("spec.policy.idle", 3, 11),
            ("spec.policy.absolute", 2, 3),
            ("spec.policy.idle.deeper", 3, 5),
            ("spec.list[1].b.c", 6, 12),
            ("spec.list.1.b", 6, 5),
            ("spec.list[7]", 4, 3),
            ("metadata.labels.a.b/c", 9, 12),
            ("metadata.labels.a", 10, 8),
            ("nothing.here", 1, 1),
        ] {
            assert_eq!(root.locate(path), Position { line, column }, "{path}");
        }
        assert_eq!(root.locate_key("spec.policy.idle"), Position { line: 3, column: 5 });
        assert_eq!(root.locate_key("spec.policy.none"), Position { line: 2, column: 3 });
        for (path, text) in [("metadata.labels.a.b/c", "x"), ("metadata.labels.a", "y"), ("spec.policy.idle", "5")] {
            assert_eq!(root.find(path).and_then(Node::text), Some(text), "{path}");
        }
        assert_eq!(root.find("metadata.labels.b"), None);
    }
}
