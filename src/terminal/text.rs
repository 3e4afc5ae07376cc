//! Texts of other people, made safe for a terminal, and their width.

use unicode_width::UnicodeWidthStr;

/// The columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Whether `c` is a control character, which a terminal may take for a command,
/// or turns the direction of reading (bidi).
pub fn is_control_or_bidi(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with a blank for all that [`is_control_or_bidi`].
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_control_or_bidi(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e"), "a [2Jb  c d e");
    }
}
