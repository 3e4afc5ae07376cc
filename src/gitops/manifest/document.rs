//! Builds one document from the events of the YAML parser: a tree with the position of each node,
//! aliases copied and `<<` merged. The limits are checked at every node, before it is kept, so that
//! no text takes more memory than they allow.

use super::Limits;
use super::tree::{Entry, Node, Position, Value};
use super::yaml11;
use crate::gitops::Rule;
use granit_parser::{Event, ScalarStyle, Tag};
use std::collections::{HashMap, HashSet};

/// An error after which the rest of the document is not read.
#[derive(Debug, PartialEq)]
pub(super) struct ReadError {
    pub(super) rule: Rule,
    pub(super) at: Position,
    pub(super) message: String,
    pub(super) fix: Option<&'static str>,
}

impl ReadError {
    pub(super) fn syntax(at: Position, message: &str, fix: &'static str) -> Self {
        Self { rule: Rule::Syntax, at, message: message.to_owned(), fix: Some(fix) }
    }
}

pub(super) struct Document {
    pub(super) root: Node,
    /// The keys that a map has more than once, with the positions of the first and the next.
    pub(super) repeats: Vec<(String, Position, Position)>,
    /// What kubectl may read otherwise, and what to write instead.
    pub(super) doubts: Vec<Doubt>,
}

pub(super) type Doubt = (Position, &'static str, &'static str);

/// The size of a node: how many nodes it has, itself included, the bytes of their texts, and how
/// deep they are nested.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    nodes: usize,
    bytes: usize,
    height: usize,
}

/// A map or list whose end event has not come yet.
struct Open {
    at: Position,
    anchor: usize,
    size: Size,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key>, merged: Vec<(usize, Node)> },
}

struct Key {
    at: Position,
    text: Box<str>,
    plain: bool,
}

pub(super) struct Builder<'a> {
    limits: &'a Limits,
    /// The document, after its last event.
    pub(super) root: Option<Node>,
    open: Vec<Open>,
    anchored: HashMap<usize, (Node, Size)>,
    pub(super) repeats: Vec<(String, Position, Position)>,
    pub(super) doubts: Vec<Doubt>,
    nodes: usize,
    copies: usize,
    copied_bytes: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        let (open, anchored, repeats, doubts) = (Vec::new(), HashMap::new(), Vec::new(), Vec::new());
        Self { limits, root: None, open, anchored, repeats, doubts, nodes: 0, copies: 0, copied_bytes: 0 }
    }

    pub(super) fn add(&mut self, event: Event<'_>, at: Position) -> Result<(), ReadError> {
        let text = event.scalar().map_or("", |(text, _)| text);
        if self.doubts.len() < REPEATS_SHOWN && event.tag().is_some_and(|tag| !yaml11::is_known_tag(tag, text)) {
            self.doubts.push((at, "kubectl may read a value with this tag otherwise", "write the value without a tag"));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = is_plain(style, tag.as_deref());
                let size = Size { nodes: 1, bytes: text.len(), height: 0 };
                let value = Value::Scalar { text: text.into(), plain };
                self.complete(Node { at, value }, anchor, size, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, Content::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                self.begin(at, anchor, Content::Map { entries: Vec::new(), key: None, merged: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchored.get(&anchor).cloned() else {
                    let message = "an alias cannot be part of what it stands for";
                    return Err(ReadError::syntax(at, message, "write the value out"));
                };
                self.copy(at, size)?;
                self.complete(node, 0, size, size.nodes)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), ReadError> {
        self.open.push(Open { at, anchor, size: Size { nodes: 1, bytes: 0, height: 1 }, content });
        self.deep(at, self.open.len())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        let Some(Open { at, anchor, size, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(mut values) => {
                values.shrink_to_fit();
                Value::List(values)
            }
            Content::Map { mut entries, merged, .. } => {
                self.repeats.extend(repeats(&entries));
                self.doubts.extend(merge(&mut entries, merged)?);
                // a map of one entry has room for four
                entries.shrink_to_fit();
                Value::Map(entries)
            }
        };
        self.complete(Node { at, value }, anchor, size, 1)
    }

    /// Adds a complete node to its parent, or makes it the root; `more` of its nodes are not counted
    /// yet.
    fn complete(&mut self, node: Node, anchor: usize, size: Size, more: usize) -> Result<(), ReadError> {
        let at = node.at;
        self.nodes += more;
        if self.nodes > self.limits.nodes {
            return Err(limit(at, format!("a document of more than {} keys and values", self.limits.nodes)));
        }
        self.deep(at, self.open.len() + size.height)?;
        if anchor != 0 {
            self.copy(at, size)?;
            self.anchored.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size.nodes += size.nodes;
        parent.size.bytes += size.bytes;
        parent.size.height = parent.size.height.max(size.height + 1);
        match &mut parent.content {
            Content::List(values) => values.push(node),
            Content::Map { entries, key, merged } => match (key.take(), node.value) {
                (None, Value::Scalar { text, plain }) => {
                    if anchor != 0 && self.doubts.len() < REPEATS_SHOWN {
                        self.doubts.push((at, "kubectl may refuse a key with an anchor", "write the key without it"));
                    }
                    *key = Some(Key { at, text, plain });
                }
                (None, _) => {
                    return Err(ReadError::syntax(at, "a map or list cannot be a key", "put the key in quotes"));
                }
                (Some(key), value) if key.plain && *key.text == *"<<" => {
                    merged.push((entries.len(), Node { at, value }))
                }
                (Some(Key { at: key_at, text, plain }), value) => {
                    entries.push(Entry { at: key_at, key: text, plain, value: Node { at, value } });
                }
            },
        }
        Ok(())
    }

    fn copy(&mut self, at: Position, size: Size) -> Result<(), ReadError> {
        self.copies += size.nodes;
        self.copied_bytes += size.bytes;
        let limits = self.limits;
        let most = match () {
            () if self.copies > limits.copies => format!("{} values", limits.copies),
            () if self.copied_bytes > limits.copied_bytes => format!("{} bytes", limits.copied_bytes),
            () => return Ok(()),
        };
        Err(limit(at, format!("anchors and aliases that stand for more than {most}")))
    }

    fn deep(&self, at: Position, depth: usize) -> Result<(), ReadError> {
        if depth > self.limits.depth {
            return Err(limit(at, format!("more than {} maps and lists within each other", self.limits.depth)));
        }
        Ok(())
    }
}

fn limit(at: Position, message: String) -> ReadError {
    ReadError { rule: Rule::Limit, at, message, fix: Some("write less in one document, and without anchors") }
}

/// Whether the text decides on the type of a scalar. A tag goes before quotes: `!!int "8"` is a
/// number, `!!str 8` is not. With an unknown tag it is a text, as for the server.
fn is_plain(style: ScalarStyle, tag: Option<&Tag>) -> bool {
    match tag.map(Tag::core_suffix) {
        None => style == ScalarStyle::Plain,
        Some(suffix) => matches!(suffix, Some("int" | "float" | "bool" | "null")),
    }
}

const REPEATS_SHOWN: usize = 100;

fn repeats(entries: &[Entry]) -> Vec<(String, Position, Position)> {
    let mut sorted: Vec<_> = entries.iter().map(|entry| (&*entry.key, entry.at)).collect();
    sorted.sort_unstable();
    let pairs = sorted.windows(2).filter_map(|pair| match pair {
        [(first, at), (next, again)] if first == next => Some(((*first).to_owned(), *at, *again)),
        _ => None,
    });
    pairs.take(REPEATS_SHOWN).collect()
}

/// Adds the entries of the maps that `<<` names, except for keys that the map has itself. YAML 1.2
/// has no `<<`, but kubectl merges it: over the keys before it, and under those behind it.
fn merge(entries: &mut Vec<Entry>, merged: Vec<(usize, Node)>) -> Result<Option<Doubt>, ReadError> {
    let (Some((first, _)), Some((last, node))) = (merged.first(), merged.last()) else { return Ok(None) };
    let doubt = (node.at, "kubectl lets << replace the keys before it", "write << once, as the first key");
    let several = first != last || merged.len() > 1;
    let before: HashSet<Box<str>> = entries.iter().take(*last).map(|entry| entry.key.clone()).collect();
    let mut known: HashSet<Box<str>> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut replaced = false;
    let flat = merged.into_iter().flat_map(|(_, node)| match node.value {
        Value::List(nodes) => nodes,
        value => vec![Node { at: node.at, value }],
    });
    for node in flat {
        let Value::Map(more) = node.value else {
            let message = "<< takes a map or a list of maps";
            return Err(ReadError::syntax(node.at, message, "write << : *anchor-of-a-map"));
        };
        replaced |= more.iter().any(|entry| before.contains(&entry.key));
        entries.extend(more.into_iter().filter(|entry| known.insert(entry.key.clone())));
    }
    Ok((replaced || several).then_some(doubt))
}
