//! Splits a text into documents as kubectl does (`k8s.io/apimachinery/pkg/util/yaml`): JSON values one
//! after the other if the text begins with `{`, else YAML, at the lines that begin with `---`. A newer
//! kubectl goes over from one to the other; before 1.33 it does not, so such a text is an error here.

use super::document::ReadError;
use super::tree::Position;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// A part of the text that holds one document.
#[derive(Debug, PartialEq)]
pub(super) struct Chunk<'a> {
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) at: Position,
    pub(super) json: bool,
}

impl Chunk<'_> {
    /// The position in the whole text of a position in the chunk.
    pub(super) fn position(&self, line: usize, column: usize) -> Position {
        let column = if line == 1 { self.at.column + column - 1 } else { column };
        Position { line: self.at.line + line - 1, column }
    }
}

/// How far kubectl looks for the brace: behind more white space it takes the text for YAML.
const LOOKS_AHEAD: usize = 4096;

pub(super) struct Chunks<'a> {
    rest: &'a str,
    at: Position,
    /// Whether the text is JSON.
    json: bool,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let json = text.find(|c: char| !c.is_whitespace()).filter(|at| *at < LOOKS_AHEAD);
        let json = json.and_then(|at| text.get(at..)).is_some_and(|text| text.starts_with('{'));
        Self { rest: text, at: Position::START, json }
    }

    /// Takes `length` bytes off the rest.
    fn take(&mut self, length: usize, json: bool) -> Chunk<'a> {
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        let chunk = Chunk { text, at: self.at, json };
        self.at = self.after(text);
        self.rest = rest;
        chunk
    }

    /// The position behind `text`, which is at the present one. A line also ends with `\r`.
    fn after(&self, text: &str) -> Position {
        let breaks = text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count();
        let last = text.rsplit(['\n', '\r']).next().unwrap_or_default().chars().count();
        let column = if breaks == 0 { self.at.column + last } else { last + 1 };
        Position { line: self.at.line + breaks, column }
    }

    fn json(&mut self) -> Option<Result<Chunk<'a>, ReadError>> {
        let mut values = Deserializer::from_str(self.rest).into_iter::<IgnoredAny>();
        match values.next()? {
            Ok(_) => {
                let (spaces, length) = (self.rest.len() - self.rest.trim_start().len(), values.byte_offset());
                self.take(spaces, true);
                Some(Ok(self.take(length.saturating_sub(spaces), true)))
            }
            Err(error) => {
                let at = self.after(self.rest.get(..self.offset(&error)).unwrap_or_default());
                self.rest = "";
                let error = error.to_string();
                let error = error.split(" at line ").next().unwrap_or_default();
                let message =
                    format!("kubectl before 1.33 reads a text that begins with {{ as JSON, and this is not: {error}");
                Some(Err(ReadError::syntax(
                    at,
                    &message,
                    "check the JSON; if it is YAML, begin the text with a line of ---",
                )))
            }
        }
    }

    /// Where in the rest an error is, whose lines end with `\n` alone, and whose columns are bytes.
    fn offset(&self, error: &serde_json::Error) -> usize {
        let lines = self.rest.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        self.rest.floor_char_boundary(offset)
    }

    fn yaml(&mut self) -> Option<Result<Chunk<'a>, ReadError>> {
        let mut length = 0;
        for line in self.rest.split_inclusive('\n') {
            if let Some(behind) = line.strip_prefix("---") {
                let trimmed = behind.trim();
                if !trimmed.is_empty() && !trimmed.starts_with('#') {
                    return Some(if length > 0 { Ok(self.take(length, false)) } else { Err(self.no_separator(line)) });
                }
                if length > 0 {
                    let chunk = self.take(length, false);
                    self.take(line.len(), false);
                    return Some(Ok(chunk));
                }
            }
            length += line.len();
        }
        (length > 0).then(|| Ok(self.take(length, false)))
    }

    /// Skips a document that begins on the line of its `---`.
    fn no_separator(&mut self, line: &str) -> ReadError {
        let at = Position { column: self.at.column + 3, ..self.at };
        self.take(line.len(), false);
        let next = self.rest.split_inclusive('\n').take_while(|line| !line.starts_with("---"));
        self.take(next.map(str::len).sum(), false);
        ReadError::syntax(
            at,
            "kubectl allows only a comment behind --- on its line",
            "begin the document on a line of its own",
        )
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.json { self.json() } else { self.yaml() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each chunk with its line, or `!` and the line of an error.
    fn chunks(text: &str) -> Vec<String> {
        let shown = |chunk: Result<Chunk<'_>, ReadError>| match chunk {
            Ok(chunk) => format!("{}:{}{}", chunk.at.line, if chunk.json { "json " } else { "" }, chunk.text),
            Err(error) => format!("!{}:{}", error.at.line, error.at.column),
        };
        Chunks::of(text).map(shown).collect()
    }

    #[test]
    fn a_text_is_split_where_kubectl_splits_it() {
        for (text, expected) in [
            ("", &[][..]),
            ("a: 1", &["1:a: 1"]),
            ("a: 1\n---\nb: 2\n", &["1:a: 1\n", "3:b: 2\n"]),
            ("---\na: 1\n--- # b\nb: 2", &["1:---\na: 1\n", "4:b: 2"]),
            ("---\n---\n", &["1:---\n"]),
            ("a: |\n  x\n---\n  y\n", &["1:a: |\n  x\n", "4:  y\n"]),
            ("a: 1\r\n---\r\nb: 2\r\n", &["1:a: 1\r\n", "3:b: 2\r\n"]),
            (" ---\na: 1", &["1: ---\na: 1"]),
            ("--- a\nb: 1\n---\nc: 1", &["!1:4", "3:---\nc: 1"]),
            ("a: 1\n---b\nc: 1\n", &["1:a: 1\n", "!2:4"]),
            ("{}{}", &["1:json {}", "1:json {}"]),
            ("\n {\"a\": 1}\n\n{\"b\":\n2}\n", &["2:json {\"a\": 1}", "4:json {\"b\":\n2}"]),
            ("{}\n---\na: 1\n", &["1:json {}", "!2:2"]),
            ("{} {} x", &["1:json {}", "1:json {}", "!1:7"]),
            ("{a: 1}\n---\n{b: 2}", &["!1:2"]),
            ("{} # c", &["1:json {}", "!1:4"]),
            ("{}\n---\n", &["1:json {}", "!2:2"]),
            ("\u{a0}{}", &["!1:1"]),
            ("\u{feff}{a: 1}", &["!1:2"]),
            ("\u{feff}{}{}", &["1:json {}", "1:json {}"]),
            ("{}\u{feff}{}", &["1:json {}", "!1:3"]),
            ("---\n{a: 1}\n---\n\u{feff}{}", &["1:---\n{a: 1}\n", "4:\u{feff}{}"]),
            ("{\"a\": \"---\n---\"}", &["!1:10"]),
        ] {
            assert_eq!(chunks(text), expected, "{text:?}");
        }
    }

    #[test]
    fn behind_much_white_space_a_brace_begins_yaml() {
        for (spaces, expected) in [(LOOKS_AHEAD - 1, vec!["1:json {}", "1:json {}"]), (LOOKS_AHEAD, vec!["1:{}{}"])] {
            let found: Vec<_> = chunks(&(" ".repeat(spaces) + "{}{}"))
                .iter()
                .map(|c| c.replace("  ", "").replace(": {", ":{"))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_position_in_a_chunk_is_one_in_the_text() {
        let text = "{} {\"a\":\n 1}\n";
        let chunk = Chunks::of(text).nth(1).unwrap().unwrap();
        assert_eq!(chunk.position(1, 2), Position { line: 1, column: 5 });
        assert_eq!(chunk.position(2, 2), Position { line: 2, column: 2 });
    }
}
