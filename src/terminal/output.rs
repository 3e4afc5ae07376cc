//! The standard output: its width and colours, and text formatted to fit.

use super::{columns, printable, text::escape_command};
use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal},
};

/// The longest line of prose, in columns; longer ones are hard to read on any terminal.
const LONGEST_PROSE: usize = 100;
/// The least indent of the continuation of a line that is too long.
const LEAST_INDENT: usize = 2;

/// `-o` of a verb whose text is not a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// A terminal, or a pipe or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// In columns; `None` without a limit, for a pipe or file.
    width: Option<usize>,
    colour: bool,
}

/// The style of a text, which decides on its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Unchanged.
    Plain,
    /// Bold.
    Strong,
    /// Green: healthy or applied.
    Good,
    /// Yellow: not as declared, or not known.
    Warning,
    /// Red: an error or a loosening.
    Bad,
}

/// Whether to print colours: on a terminal that has them, unless NO_COLOR is set to something
/// (<https://no-color.org>).
pub(crate) fn has_colours(terminal: bool, no_color: Option<OsString>, term: Option<OsString>) -> bool {
    terminal && no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|value| value != "dumb")
}

impl Output {
    /// The standard output. Its width is COLUMNS if that is set, else the terminal's.
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let configured = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let detected = || terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
        let width = configured.or_else(detected).filter(|width| *width > 0);
        Self { width, colour: has_colours(terminal, env::var_os("NO_COLOR"), env::var_os("TERM")) }
    }

    /// An output without colours.
    pub const fn plain(width: Option<usize>) -> Self {
        Self { width, colour: false }
    }

    /// How many columns a line may take.
    pub const fn width(&self) -> Option<usize> {
        self.width
    }

    /// `text` in the colour of `style`, if the output has colours.
    pub fn paint(&self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Strong => "1",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// `text` wrapped into lines of at most 100 columns, with a hanging indent as wide as `label`, which
    /// comes first. Ends with a line break.
    pub fn paragraph(&self, label: &str, text: &str) -> String {
        let width = self.width.unwrap_or(LONGEST_PROSE).min(LONGEST_PROSE);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.fit(Some(width), label, columns(label), &[(&text, Style::Plain)])
    }

    /// `label` and `pieces` as one line, wrapped only if the output is too narrow: between words, but not
    /// at a no-break space (U+00A0), which is printed as a space. Ends with a line break.
    pub fn line(&self, label: &str, pieces: &[(&str, Style)]) -> String {
        self.fit(self.width, label, columns(label).max(LEAST_INDENT), pieces)
    }

    fn fit(&self, width: Option<usize>, label: &str, indent: usize, pieces: &[(&str, Style)]) -> String {
        let mut text = label.to_owned();
        let (mut taken, mut empty) = (columns(label), true);
        for word in words(pieces) {
            let word_width = word.iter().map(|(part, _)| columns(part)).sum::<usize>();
            if !empty && width.is_some_and(|width| taken + 1 + word_width > width) {
                text.push_str(&format!("\n{:indent$}", ""));
                (taken, empty) = (indent, true);
            }
            text.push_str(if empty { "" } else { " " });
            taken += usize::from(!empty);
            let begins = empty && text.lines().last().is_none_or(|line| line.trim().is_empty());
            empty = false;
            for (n, (part, style)) in word.into_iter().enumerate() {
                let part = if begins && n == 0 { escape_command(&part) } else { part };
                taken += columns(&part);
                text.push_str(&self.paint(&part, style));
            }
        }
        text.push('\n');
        text
    }
}

/// Splits `pieces` at spaces into words, which may be empty. Each word is a list of parts, since it
/// may go over several pieces.
fn words(pieces: &[(&str, Style)]) -> Vec<Vec<(String, Style)>> {
    let mut words = vec![Vec::new()];
    for (piece, style) in pieces {
        for (n, part) in printable(piece).split(' ').enumerate() {
            if n > 0 {
                words.push(Vec::new());
            }
            if let Some(word) = words.last_mut().filter(|_| !part.is_empty()) {
                word.push((part.replace('\u{a0}', " "), *style));
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_stays_within_the_width_and_below_its_label() {
        let text = Output::plain(Some(24)).paragraph("Do: ", "Create the Secret that the message names.");
        assert_eq!(text, "Do: Create the Secret\n    that the message\n    names.\n");
        assert!(Output::plain(Some(500)).paragraph("", &"word ".repeat(100)).lines().all(|line| line.len() <= 100));
        assert_eq!(Output::plain(Some(3)).paragraph("", "too long"), "too\nlong\n", "a word is never broken");
        assert_eq!(Output::plain(None).paragraph("- ", ""), "- \n");
    }

    #[test]
    fn a_line_is_one_unless_the_output_is_too_narrow() {
        let pieces = [("change (", Style::Plain), ("mixed", Style::Bad), (") of a\u{a0}b", Style::Plain)];
        assert_eq!(Output::plain(None).line("~ ", &pieces), "~ change (mixed) of a b\n");
        assert_eq!(Output::plain(None).line("", &[("a  b .yaml", Style::Plain)]), "a  b .yaml\n");
        assert_eq!(Output::plain(Some(20)).line("~ ", &pieces), "~ change (mixed) of\n  a b\n");
        let colourful = Output { width: Some(16), colour: true };
        assert_eq!(colourful.line("~ ", &pieces), "~ change (\u{1b}[31mmixed\u{1b}[0m)\n  of a b\n");
        let command = Output::plain(Some(8)).line("", &[("::a long ::b c::d", Style::Plain)]);
        assert_eq!(command, "\\u{3a}:a\n  long\n  \\u{3a}:b\n  c::d\n", "no line is a command of a workflow");
        assert_eq!(Output::plain(Some(4)).line("", &[("a bcd", Style::Plain)]), "a\n  bcd\n", "it is seen to go on");
    }
}
