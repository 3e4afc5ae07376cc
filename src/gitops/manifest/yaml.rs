//! Parses YAML, and so JSON, into trees: one document at a time, so that only one is in memory.
//! Syntax errors get a position and a fix.

use super::Limits;
use super::chunks::{Chunk, Chunks};
use super::document::{Builder, Document, ReadError};
use super::tree::Position;
use super::yaml11::{self, Tabs};
use crate::gitops::Rule;
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StructureStyle, options};
use std::cell::LazyCell;

/// Passes every document of `text`, or the first error in it, to `take`, in order. After an error it
/// goes on with the next document, at the next `---`. Stops when `take` returns false, or at a limit.
pub(super) fn read(text: &str, limits: &Limits, take: &mut dyn FnMut(Result<Document, ReadError>) -> bool) {
    let whole = LazyCell::new(|| is_template(text)); // once, however many errors there are
    for chunk in Chunks::of(text) {
        let part = chunk.as_ref().ok().map(|chunk| chunk.text);
        let in_template = || part.map_or_else(|| *whole, is_template);
        let next = chunk.and_then(|chunk| document(&chunk, limits)).map_err(|error| of_template(error, in_template));
        let Some(next) = next.transpose() else { continue };
        let over = next.as_ref().is_err_and(|error| error.rule == Rule::Limit);
        if !take(next) || over {
            return;
        }
    }
}

/// The document of a chunk; `None` if there is only white space and comments.
fn document(chunk: &Chunk<'_>, limits: &Limits) -> Result<Option<Document>, ReadError> {
    let at = |at: Position| chunk.position(at.line, at.column);
    if let Some((found, message)) = yaml11::character(chunk.text).filter(|_| !chunk.json) {
        return Err(ReadError::syntax(at(found), &message, "remove it, or write it as an escape in double quotes"));
    }
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let mut parser = Parser::new_from_str_with_options(chunk.text, options);
    let (mut open, mut tabs) = (Builder::new(limits), Tabs::of(if chunk.json { "" } else { chunk.text }));
    if let Some(line) = yaml11::early_end(chunk.text).filter(|_| !chunk.json) {
        return Err(ReadError::syntax(chunk.position(line, 1), "kubectl refuses ... before a document", "remove it"));
    }
    let (mut read, mut brackets, mut blocks, mut behind) = (None, 0_usize, 0_usize, 0);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error, chunk))?;
        let start = at(position(span.start));
        if !chunk.json {
            tabs.see(&event, &span, chunk.text);
            if let Some(range) = span.byte_range() {
                let from = if matches!(event, Event::Alias(_)) { range.start } else { range.start.min(behind) };
                let source = chunk.text.get(from..range.end).unwrap_or_default();
                if yaml11::name(&event, source).is_some_and(|name| !yaml11::is_known_name(name)) {
                    let message = "kubectl knows no such name of an anchor";
                    return Err(ReadError::syntax(start, message, "use letters, digits, - and _ alone"));
                }
                behind = range.end;
            }
            match &event {
                Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                    let inside = brackets > 0 || *style == StructureStyle::Flow;
                    *(if inside { &mut brackets } else { &mut blocks }) += 1;
                }
                Event::SequenceEnd | Event::MappingEnd if brackets > 0 => brackets -= 1,
                Event::SequenceEnd | Event::MappingEnd => blocks = blocks.saturating_sub(1),
                Event::Scalar(_, style, ..) if brackets > 0 => {
                    let refused = |range| yaml11::in_brackets(chunk.text, range, *style, blocks > 0);
                    let refused = span.byte_range().and_then(refused);
                    if let Some(message) = refused {
                        return Err(ReadError::syntax(
                            start,
                            message,
                            "put the text in quotes, and a space behind the colon",
                        ));
                    }
                }
                _ => {}
            }
            let quoted = matches!(event, Event::Scalar(_, ScalarStyle::DoubleQuoted, ..));
            let source = span.byte_range().filter(|_| quoted).and_then(|range| chunk.text.get(range));
            if let Some(message) = source.and_then(yaml11::escape) {
                return Err(ReadError::syntax(start, message, "write it without the escape"));
            }
        }
        match event {
            Event::DocumentEnd => read = read.or(open.root.take()),
            Event::DocumentStart(..) if read.is_some() => {
                let message = "kubectl does not read what is here, behind the end of a document";
                return Err(ReadError::syntax(start, message, "begin it with a line of --- alone"));
            }
            event => open.add(event, start)?,
        }
    }
    if let Some(found) = tabs.refused() {
        let message = "kubectl refuses a tab at the beginning of a line";
        return Err(ReadError::syntax(at(found), message, "indent with spaces"));
    }
    Ok(read.map(|root| Document { root, repeats: open.repeats, doubts: open.doubts }))
}

/// An error in a text that is YAML only when it is rendered says so.
fn of_template(error: ReadError, in_template: impl FnOnce() -> bool) -> ReadError {
    if error.rule != Rule::Syntax || !in_template() {
        return error;
    }
    let fix = "render it: helm template CHART | osp validate -, and name the folder of templates in .ospignore";
    ReadError::syntax(error.at, "this is a template, which is no YAML before it is rendered", fix)
}

fn is_template(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, behind)| behind.contains("}}"))
}

fn position(mark: Marker) -> Position {
    Position { line: mark.line(), column: mark.col() + 1 }
}

fn syntax(error: &ScanError, chunk: &Chunk<'_>) -> ReadError {
    let at = position(*error.marker());
    let at = chunk.position(at.line, at.column);
    let fix = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            let message = "maps and lists are nested too deep".into();
            let fix = Some("write it flatter: a resource needs 6 levels");
            return ReadError { rule: Rule::Limit, at, message, fix };
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            Some("indent with spaces")
        }
        ErrorKind::UnexpectedCharacter { character: '%' | '@' | '`' } => Some("put the text in quotes"),
        ErrorKind::UnexpectedCharacter { character: '\0'..='\u{1f}' } => Some("remove the control character"),
        ErrorKind::UnknownAnchor => Some("define the anchor before its alias, or put a text with * in quotes"),
        ErrorKind::UnclosedQuotedScalar => Some("close the quotes"),
        ErrorKind::UnclosedFlowCollection { .. } => Some("close the bracket"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidSimpleKey => {
            Some("check the indentation, and put texts with a colon in quotes")
        }
        _ => None,
    };
    ReadError { rule: Rule::Syntax, at, message: format!("this is not YAML: {}", error.info()), fix }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tree::{Node, Value};
    use super::*;

    /// All documents of `text`, and the errors in the others.
    fn all(text: &str, limits: &Limits) -> (Vec<Document>, Vec<ReadError>) {
        let (mut documents, mut errors) = (Vec::new(), Vec::new());
        read(text, limits, &mut |next| {
            match next {
                Ok(document) => documents.push(document),
                Err(error) => errors.push(error),
            }
            true
        });
        (documents, errors)
    }

    /// The one document of `text`, which is YAML even if it begins with a brace.
    pub(in crate::gitops) fn document(text: &str) -> Node {
        let chunk = Chunk { text, at: Position::START, json: false };
        let document = super::document(&chunk, &Limits::default());
        document.unwrap_or_else(|error| panic!("{text}: {error:?}")).map_or(EMPTY, |document| document.root)
    }

    const EMPTY: Node = Node { at: Position::START, value: Value::List(Vec::new()) };

    /// The only error of `text`.
    fn error(text: &str) -> ReadError {
        let (_, mut errors) = all(text, &Limits::default());
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        errors.remove(0)
    }

    #[test]
    fn every_node_has_its_position() {
        let root = document("a: 1\n\"b\":\n  - x\n  - {é: 'y'}\n");
        let positions: Vec<_> = root.entries().iter().map(|e| (&*e.key, e.at, e.value.at)).collect();
        let at = |line, column| Position { line, column };
        assert_eq!(positions, [("a", at(1, 1), at(1, 4)), ("b", at(2, 1), at(3, 3))]);
        assert_eq!(root.locate("b[1].é"), at(4, 9));
    }

    #[test]
    fn documents_come_one_by_one_until_enough() {
        let (documents, errors) = all("a: 1\n---\nb: 2\n---\n...\n---\nc: 3\n", &Limits::default());
        assert_eq!((documents.len(), errors.len()), (3, 1), "kubectl refuses ... alone");
        for text in ["1\n---\n2\n---\n3", "1\n---\n'\n---\n3"] {
            let mut seen = 0;
            read(text, &Limits::default(), &mut |_| {
                seen += 1;
                seen < 2
            });
            assert_eq!(seen, 2, "{text}");
        }
    }

    #[test]
    fn a_fault_ends_its_document_and_no_other() {
        for (text, errors, roots) in [
            ("a: 'b\n---\nc: d'\n", vec![(1, 4)], vec![(3, 1)]),
            ("a: \"b\n---\n c\n", vec![(1, 4)], vec![(3, 2)]),
            ("a: [1\n---\nb: {\n---\nc: 1\n", vec![(1, 4), (3, 4)], vec![(5, 1)]),
            ("a: *b\n--- |\n  ---\n---\nc: 1\n", vec![(1, 4), (2, 4)], vec![(5, 1)]),
            ("a: |\n---\nb: *c\n", vec![(3, 4)], vec![(1, 1)]),
            ("[a]: 1\nb: [\n---\nc: 1\n", vec![(1, 1)], vec![(4, 1)]),
            ("[a]: 1\n---\nc: 1\n", vec![(1, 1)], vec![(3, 1)]),
            ("a: &a [*a]\n---\n*a\n---\nc: 1\n", vec![(1, 8), (3, 1)], vec![(5, 1)]),
            ("a: *b\n ---\n---c\nd --- e\n", vec![(1, 4), (3, 4)], vec![]),
            ("%YAML x\n---\na: 1\n---\nb: 1\n", vec![(1, 1)], vec![(3, 1), (5, 1)]),
            ("é: *b\r\n---\r\nc: *d\r\n", vec![(1, 4), (3, 4)], vec![]),
            ("a: *b\n---", vec![(1, 4)], vec![]),
            ("a: 1\n...\nb: 1\n---\nc: 1\n", vec![(3, 1)], vec![(5, 1)]),
            ("a: 1\n...\n# end\n", vec![], vec![(1, 1)]),
            ("a: \"\\/\"\n---\n\ta: 1\n---\nc: 1\n", vec![(1, 4), (3, 1)], vec![(5, 1)]),
        ] {
            let (documents, found) = all(text, &Limits::default());
            let position = |at: Position| (at.line, at.column);
            let found: Vec<_> = found.iter().map(|error| position(error.at)).collect();
            let documents: Vec<_> = documents.iter().map(|document| position(document.root.at)).collect();
            assert_eq!((found, documents), (errors, roots), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_read_after_a_limit() {
        let (documents, errors) = all("a: 1\n---\n[1, 2, 3]\n---\nb: *c\n", &Limits { nodes: 3, ..Limits::default() });
        assert_eq!((documents.len(), errors.len()), (1, 1));
        let (documents, errors) = all("[[[1]]]\n---\nb: *c\n", &Limits { depth: 2, ..Limits::default() });
        assert_eq!((documents.len(), errors.len()), (0, 1));
    }

    #[test]
    fn a_key_that_is_there_twice_is_reported_with_both_positions() {
        let (documents, _) = all("a: 1\nb: {c: 1, d: 2, \"c\": 3}\na: 2\n", &Limits::default());
        let at = |line, column| Position { line, column };
        assert_eq!(documents[0].repeats, [("c".into(), at(2, 5), at(2, 17)), ("a".into(), at(1, 1), at(3, 1))]);
    }

    #[test]
    fn an_alias_is_what_it_stands_for_and_keeps_its_place() {
        let root = document("x: &x {a: 1}\ny: *x\nz: {<<: *x, b: 2}\nw: {<<: [*x, {a: 3, c: 4}], a: 5}\n");
        assert_eq!(root.get("y"), root.get("x"));
        assert_eq!(root.locate("z.a"), Position { line: 1, column: 11 });
        let keys = |field| root.get(field).unwrap().entries().iter().map(|e| &*e.key).collect::<String>();
        assert_eq!((keys("z"), keys("w")), ("ba".into(), "ac".into()));
    }

    #[test]
    fn a_tag_decides_on_the_type_before_the_quotes_do() {
        let plain = |text| matches!(document(text).value, Value::Scalar { plain: true, .. });
        assert!(plain("8") && plain("!!int '8'") && plain("!!null ''"));
        assert!(!plain("'8'") && !plain("!!str 8") && !plain("!secret 8") && !plain("! 8") && !plain("|\n  8"));
    }

    #[test]
    fn an_anchor_has_a_name_that_kubectl_reads_in_full() {
        for text in [
            "a: &a.b c\n",
            "a: &a:b c\n",
            "a: &b # &c\n  - &a%b c\n",
            "a: !!map &é {}\n",
            "a: &a.b !!str c\n",
            "[&a.b c]\n",
            "&a.b\na: 1\n",
            "- &a?b\n  a: 1\n",
        ] {
            let found = error(&format!("---\n{text}"));
            assert!(found.message.contains("name of an anchor"), "{text}: {}", found.message);
        }
        let root = document("a: &x # &y.z\n  b: '&v.w'\nc: &1-_B 'd &e.f'\ng: *1-_B\nh: [&i j, *i]\n");
        assert_eq!(root.get("g").map(|node| &node.value), root.get("c").map(|node| &node.value));
    }

    #[test]
    fn no_text_makes_more_of_itself_than_it_is() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..30 {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        let nested =
            (1..60).fold(String::new(), |text, n| text + &format!("&a{n} [")) + &"x, ".repeat(20_000) + &"]".repeat(59);
        let chain =
            (1..200).fold("a0: &a0 [x]\n".into(), |text: String, n| text + &format!("a{n}: &a{n} [*a{}]\n", n - 1));
        for text in [
            &bomb,
            &nested,
            &chain,
            &"[".repeat(1000),
            &("---\n".to_owned() + &"{a: ".repeat(1000)),
            &(0..1000).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n"),
            &"- ".repeat(1000),
            &"? ".repeat(1000),
            &("[".to_owned() + &"x,".repeat(600_000)),
        ] {
            let error = error(text);
            assert_eq!(error.rule, Rule::Limit, "{} at {:?}", error.message, error.at);
        }
    }

    #[test]
    fn what_is_no_yaml_is_reported_with_its_position_and_a_fix() {
        for (text, line, column, message) in [
            ("a: b: c\n", 1, 5, "mapping"),
            ("a:\n\t- b\n", 2, 2, "tab"),
            ("a: 'b\n", 1, 4, "quote"),
            ("a: [1, 2\n", 1, 4, "bracket"),
            ("a: *b\n", 1, 4, "anchor"),
            ("a: &a [*a]\n", 1, 8, "part of what it stands for"),
            ("[x]: 1\n", 1, 1, "cannot be a key"),
            ("{{ x }}: 1\n", 1, 2, "template"),
            ("a: 1\n{{- if .b }}\n", 2, 3, "template"),
            ("{a: b}", 1, 2, "kubectl before 1.33"),
            ("a: {<<: 1}\n", 1, 9, "<< takes a map"),
            ("a: `b`\n", 1, 4, "character"),
            ("a: 1\n b: 2\n", 2, 3, "mapping"),
        ] {
            let error = error(text);
            let reported = error.message.to_lowercase();
            assert!(
                error.at == Position { line, column } && reported.contains(message),
                "{text:?}: {:?} {reported}",
                error.at
            );
        }
    }
}
