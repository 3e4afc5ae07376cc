//! Splits a text into documents as kubectl does (`k8s.io/apimachinery/pkg/util/yaml`): JSON values one
//! after the other if the text begins with `{`, else YAML, at the lines that begin with `---`.

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

pub(super) struct Chunks<'a> {
    rest: &'a str,
    at: Position,
    /// How many JSON values were read; `None` once the rest is YAML.
    json: Option<usize>,
    /// Whether the text begins with a brace; then kubectl takes a byte order mark for text.
    braces: bool,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let json = text.trim_start().starts_with('{').then_some(0);
        let braces = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        Self { rest: text, at: Position::START, json, braces }
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

    fn json(&mut self, count: usize) -> Option<Result<Chunk<'a>, ReadError>> {
        let mut values = Deserializer::from_str(self.rest).into_iter::<IgnoredAny>();
        match values.next()? {
            Ok(_) => {
                let (spaces, length) = (self.rest.len() - self.rest.trim_start().len(), values.byte_offset());
                self.take(spaces, true);
                self.json = Some(count + 1);
                Some(Ok(self.take(length.saturating_sub(spaces), true)))
            }
            // behind two values kubectl takes the text for JSON, before it may be YAML
            Err(error) if count > 1 => {
                let whole = Chunk { text: self.rest, at: self.at, json: true };
                let at = whole.position(error.line().max(1), error.column().max(1));
                self.rest = "";
                Some(Err(ReadError::syntax(at, "this is not JSON, as the values before it are", "check the JSON")))
            }
            Err(_) => {
                let rest = self.rest;
                let line = rest.find('\n').map_or(rest, |end| rest.get(..=end).unwrap_or_default());
                let spaces = if line.trim().is_empty() { line.len() } else { rest.len() - rest.trim_start().len() };
                self.take(spaces, true);
                self.json = None;
                self.yaml()
            }
        }
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
        let next = match self.json {
            Some(count) => self.json(count),
            None => self.yaml(),
        }?;
        let marked = |chunk: &Chunk<'_>| self.braces && chunk.text.starts_with('\u{feff}');
        Some(match next {
            Ok(chunk) if marked(&chunk) => {
                Err(ReadError::syntax(chunk.at, "kubectl takes a byte order mark beside JSON for text", "remove it"))
            }
            next => next,
        })
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
            ("{}\n---\na: 1\n", &["1:json {}", "2:---\na: 1\n"]),
            ("{} {} x", &["1:json {}", "1:json {}", "!1:7"]),
            ("{a: 1}\n---\n{b: 2}", &["1:{a: 1}\n", "3:{b: 2}"]),
            ("{\"a\": \"---\n---\"}", &["1:{\"a\": \"---\n", "!2:4"]),
        ] {
            assert_eq!(chunks(text), expected, "{text:?}");
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
