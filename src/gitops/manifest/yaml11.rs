//! What the reader of kubectl, Flux and Argo CD, which is of the family of libyaml and reads YAML 1.1,
//! refuses or reads otherwise than ours, which reads YAML 1.2. All of it is an error, so that a field that
//! a review does not show is never live in a cluster.

use super::scalar;
use super::tree::Position;
use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};
use std::ops::Range;

/// The first character that kubectl refuses, or takes for the end of a line; and a `%` that begins a line.
pub(super) fn character(text: &str) -> Option<(Position, String)> {
    let mut at = Position::START;
    let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        match c {
            '%' if at.column == 1 => return Some((at, "kubectl reads no directives".to_owned())),
            '\u{85}' | '\u{2028}' | '\u{2029}' => {
                let said = format!("U+{:04X} ends a line for kubectl, though it does not look so", u32::from(c));
                return Some((at, said));
            }
            '\u{feff}' => return Some((at, "a byte order mark is inside of a document".to_owned())),
            '\r' if before == '\r' && next == Some('\n') => {
                return Some((at, "kubectl reads one line break where two carriage returns are".to_owned()));
            }
            '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => {}
            _ => return Some((at, format!("U+{:04X} is a control character", u32::from(c)))),
        }
        before = c;
        if c == '\n' || (c == '\r' && next != Some('\n')) {
            at = Position { line: at.line + 1, column: 1 };
        } else {
            at.column += 1;
        }
    }
    None
}

/// Where the end of a document is before its beginning.
pub(super) fn early_end(text: &str) -> Option<usize> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let (number, line) = text.lines().enumerate().find(|(_, line)| !is_blank(line))?;
    line.trim_start_matches('\u{feff}').starts_with("...").then_some(number + 1)
}

/// What kubectl refuses or reads otherwise of a text within brackets, which is `range` of `text`.
/// `indented`: the brackets are the value of a field that is written without brackets.
pub(super) fn in_brackets(text: &str, range: Range<usize>, style: ScalarStyle, indented: bool) -> Option<&'static str> {
    let (source, behind) = (text.get(range.clone())?, text.get(range.end..)?);
    if source.is_empty() {
        return None;
    }
    let (plain, next) = (style == ScalarStyle::Plain, behind.trim_start());
    let between = behind.get(..behind.len() - next.len()).unwrap_or_default();
    let after = next.strip_prefix(':');
    if plain && (source.contains('?') || source.starts_with(':')) {
        Some("within brackets kubectl reads no text that has a ? or begins with a colon")
    } else if plain && indented && (tabbed(between) || tabbed(source)) {
        Some("kubectl refuses a tab at the beginning of a line behind a text without quotes")
    } else if after.is_some() && (between.contains(['\n', '\r']) || source.contains(['\n', '\r'])) {
        Some("within brackets kubectl wants a key and its colon on one line")
    } else if plain && between.is_empty() && after.is_some_and(|after| !after.starts_with([' ', '\t', '\r', '\n'])) {
        Some("kubectl takes a colon without a space behind it for a part of the text")
    } else {
        None
    }
}

/// Whether a line but the first begins with a tab.
fn tabbed(text: &str) -> bool {
    text.split(['\n', '\r']).skip(1).any(|line| line.trim_start_matches(' ').starts_with('\t'))
}

/// The escape in a text in double quotes that JSON has and YAML 1.1 has not.
pub(super) fn escape(source: &str) -> Option<&'static str> {
    let mut rest = source;
    while let Some((_, behind)) = rest.split_once('\\') {
        let mut after = behind.chars();
        match after.next() {
            Some('/') => return Some("kubectl knows \\/ in JSON only: write / without the backslash"),
            Some('u') if behind.get(1..3).is_some_and(is_surrogate) => {
                return Some(
                    "kubectl knows surrogate pairs in JSON only: write the character, or \\U and eight digits",
                );
            }
            _ => {}
        }
        rest = after.as_str();
    }
    None
}

/// The name of the alias or anchor that an event has. `source`: its text, and that between it and the event before.
pub(super) fn name<'a>(event: &Event<'_>, source: &'a str) -> Option<&'a str> {
    let anchor = match event {
        Event::Alias(_) => return source.trim_end().strip_prefix('*'),
        Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
            *anchor
        }
        _ => 0,
    };
    let (mut begins, mut comment) = (true, false);
    for (at, c) in source.char_indices().filter(|_| anchor != 0) {
        match c {
            '\n' | '\r' => comment = false,
            '#' if begins => comment = true,
            '&' if begins && !comment => {
                let name = source.get(at + 1..)?;
                return name.split([' ', '\t', '\n', '\r', ',', '[', ']', '{', '}']).next();
            }
            _ => {}
        }
        begins = matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | '[' | '{' | ':');
    }
    None
}

/// Whether kubectl knows a name of an anchor as we do: of others it takes the beginning, or refuses it.
pub(super) fn is_known_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_surrogate(digits: &str) -> bool {
    u8::from_str_radix(digits, 16).is_ok_and(|high| (0xd8..=0xdf).contains(&high))
}

/// Whether kubectl reads a scalar with this tag as we do: `!!binary` is decoded there, for one, and `!!int a`
/// refused.
pub(super) fn is_known_tag(tag: &Tag, text: &str) -> bool {
    let value = || scalar::resolve(text);
    match tag.core_suffix() {
        Some("str") => true,
        Some("int") => value().is_some_and(|value| value.is_i64() || value.is_u64()),
        Some("float") => value().is_some_and(|value| value.is_number()),
        Some("bool") => value().is_some_and(|value| value.is_boolean()),
        Some("null") => value().is_some_and(|value| value.is_null()),
        _ => false,
    }
}

/// The lines that a tab indents, which kubectl refuses outside of quotes, brackets and block texts.
#[derive(Default)]
pub(super) struct Tabs {
    /// Line and the number of characters before the tab.
    lines: Vec<(usize, usize)>,
    /// First and last line, and how many spaces have to be before a tab.
    exempt: Vec<(usize, usize, usize)>,
    /// The first line of the outermost brackets, and how many are open.
    brackets: (usize, usize),
}

impl Tabs {
    pub(super) fn of(text: &str) -> Self {
        let mut lines = Vec::new();
        for (number, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
            let mut indent = 0;
            let mut characters = line.chars().peekable();
            while let Some(c) = characters.next() {
                match c {
                    ' ' => {}
                    '\t' => {
                        lines.push((number + 1, indent));
                        break;
                    }
                    '-' | '?' if matches!(characters.peek(), Some(' ' | '\t')) => {}
                    _ => break,
                }
                indent += 1;
            }
        }
        Self { lines, ..Self::default() }
    }

    pub(super) fn see(&mut self, event: &Event<'_>, span: &Span, text: &str) {
        if self.lines.is_empty() {
            return;
        }
        let (first, last) = (span.start.line(), span.end.line());
        match event {
            Event::Scalar(..) if self.brackets.1 > 0 => {}
            Event::Scalar(_, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..) => {
                self.exempt.push((first + 1, last, 0));
            }
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                let source = span.start.byte_offset().and_then(|at| text.get(at..)).unwrap_or_default();
                let lines = source.lines().skip(1).take(last.saturating_sub(first));
                let content = lines.clone().find(|line| !line.trim().is_empty());
                let indent = content.map_or(usize::MAX, |line| line.len() - line.trim_start_matches(' ').len());
                self.exempt.push((first + 1, last, indent.max(1)));
            }
            Event::SequenceStart(StructureStyle::Flow, ..) | Event::MappingStart(StructureStyle::Flow, ..) => {
                if self.brackets.1 == 0 {
                    self.brackets.0 = first;
                }
                self.brackets.1 += 1;
            }
            Event::SequenceEnd | Event::MappingEnd if self.brackets.1 > 0 => {
                self.brackets.1 -= 1;
                if self.brackets.1 == 0 {
                    self.exempt.push((self.brackets.0 + 1, last, 0));
                }
            }
            _ => {}
        }
    }

    /// The first line that kubectl refuses.
    pub(super) fn refused(&self) -> Option<Position> {
        let mut exempt = self.exempt.iter().peekable();
        self.lines.iter().find_map(|&(line, indent)| {
            while exempt.next_if(|(_, last, _)| *last < line).is_some() {}
            let allowed = exempt.peek().is_some_and(|(first, _, least)| *first <= line && *least <= indent);
            (!allowed).then_some(Position { line, column: indent + 1 })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_hides_a_line_or_is_refused_is_found() {
        for (text, line, column) in [
            ("a: 1 # b\u{2028}c: 2", 1, 9),
            ("a: 1\r\nb: \"\u{2029}\"", 2, 5),
            ("é\rb\u{85}", 2, 2),
            ("a: 1\n%YAML 1.1", 2, 1),
            ("%FOO", 1, 1),
            ("\n\u{feff}a: 1", 2, 1),
            ("a: \"b\r\r\n\"", 2, 1),
            ("a\u{7f}", 1, 2),
            ("a: \0", 1, 4),
            ("a\u{fffe}", 1, 2),
        ] {
            assert_eq!(character(text).map(|(at, _)| at), Some(Position { line, column }), "{text:?}");
        }
        for text in ["\u{feff}a: 1\n", "a: 100%\n %b", "a\tb\u{a0}\u{1f600}", ""] {
            assert_eq!(character(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_kubectl_refuses_within_brackets_is_found() {
        let refused = |text: &str, word: &str, style| {
            let at = text.find(word).unwrap();
            in_brackets(text, at..at + word.len(), style, true).is_some()
        };
        for (text, word) in
            [("[a?]", "a?"), ("[:a]", ":a"), ("[a:, x]", "a"), ("{a:}", "a"), ("{a\n: b}", "a"), ("[a\n \t, b]", "a")]
        {
            assert!(refused(text, word, ScalarStyle::Plain), "{text}");
        }
        assert!(refused("{\"a\"\n: b}", "\"a\"", ScalarStyle::DoubleQuoted));
        for (text, word) in
            [("{a: b}", "a"), ("[a, b]", "a"), ("[http://x]", "http://x"), ("{a : b}", "a"), ("[a\n]", "a")]
        {
            assert!(!refused(text, word, ScalarStyle::Plain), "{text}");
        }
        assert!(!refused("{\"a?\":1}", "\"a?\"", ScalarStyle::DoubleQuoted));
        assert_eq!((early_end("# a\n\n...\n"), early_end("a: 1\n...\n"), early_end("")), (Some(3), None, None));
    }

    #[test]
    fn an_escape_of_json_alone_is_found() {
        for source in ["\"\\/\"", "\"a\\\\\\/\"", "\"\\ud83d\\ude00\"", "\"\\uDfff\""] {
            assert!(escape(source).is_some(), "{source}");
        }
        for source in ["\"\\\\/\"", "\"\\u00e9\"", "\"\\ue000\"", "\"\\U0001f600\"", "\"/\"", "\"\\\\ud83d\""] {
            assert_eq!(escape(source), None, "{source}");
        }
    }
}
