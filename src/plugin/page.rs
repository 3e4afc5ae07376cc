//! What is printed on: how wide it is, whether it has colours, and that nothing
//! in a text can move the cursor of whoever reads it.

use std::{
    env,
    io::{self, IsTerminal, Write},
};
use unicode_width::UnicodeWidthStr;

/// Longer lines are hard to read, however wide the terminal is.
const LONGEST_PROSE: usize = 100;

/// A terminal, or whatever else the output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// In columns; `None`: as wide as it takes, for a file or a pipe.
    width: Option<usize>,
    colour: bool,
}

/// What a text tells at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tint {
    Plain,
    Strong,
    Good,
    Doubtful,
    Bad,
}

impl Page {
    /// The standard output: COLUMNS if it is set, else the terminal's width.
    pub(super) fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let told = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let seen = || terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { width: told.or_else(seen).filter(|width| *width > 0), colour: terminal && !dumb && !set("NO_COLOR") }
    }

    #[cfg(test)]
    pub(super) const fn plain(width: Option<usize>) -> Self {
        Self { width, colour: false }
    }

    /// How many columns a line may take.
    pub(super) const fn width(&self) -> Option<usize> {
        self.width
    }

    /// `text` in the colour of `tint`, where there are colours.
    pub(super) fn paint(&self, text: &str, tint: Tint) -> String {
        let code = match tint {
            Tint::Plain => return text.to_owned(),
            Tint::Strong => "1",
            Tint::Good => "32",
            Tint::Doubtful => "33",
            Tint::Bad => "31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// `text` as lines that fit, the first behind `label`, the others below its
    /// end. Ends with a line break.
    pub(super) fn paragraph(&self, label: &str, text: &str) -> String {
        let indent = columns(label);
        let width = self.width.unwrap_or(LONGEST_PROSE).min(LONGEST_PROSE);
        let mut lines = vec![String::new()];
        for word in printable(text).split_whitespace() {
            let taken = lines.last().map_or(0, |line| columns(line));
            if taken > 0 && indent + taken + 1 + columns(word) > width {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
        }
        format!("{label}{}\n", lines.join(&format!("\n{:indent$}", "")))
    }
}

/// The columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` without what steers a terminal or turns the direction of reading:
/// some of it was written by others.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// Prints; a closed pipe is no failure: whoever read has all it wanted.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Says something beside the output, where it disturbs no reader of it.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", printable(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_stays_within_the_page_and_below_its_label() {
        let text = Page::plain(Some(24)).paragraph("Do: ", "Create the Secret that the message names.");
        assert_eq!(text, "Do: Create the Secret\n    that the message\n    names.\n");
        assert!(Page::plain(Some(500)).paragraph("", &"word ".repeat(100)).lines().all(|line| line.len() <= 100));
        assert_eq!(Page::plain(Some(3)).paragraph("", "too long"), "too\nlong\n", "a word is never broken");
        assert_eq!(Page::plain(None).paragraph("- ", ""), "- \n");
    }

    #[test]
    fn nothing_in_a_text_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e"), "a [2Jb  c d e");
    }
}
