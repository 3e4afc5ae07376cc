//! Makes texts of others safe for a terminal and for the log of a pipeline, and measures their width.

use unicode_width::UnicodeWidthStr;

/// The number of columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// A number of things: `1 policy`, `2 policies`.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Whether `c` is a control character, changes the direction of text (bidi), separates lines, or is
/// invisible.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || c.is_control()
}

/// Escapes, as in `\u{1b}`, the characters that would deceive a reader, and what starts a command
/// anywhere in a line of a pipeline's log: `##[`, `##vso[`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut last, mut command) = (' ', false);
    for c in text.chars() {
        if is_deceptive(c) {
            shown.extend(c.escape_default());
        } else if command && c == '[' {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        command = (last == '#' && c == '#') || (command && c.is_ascii_alphanumeric());
        last = c;
    }
    shown
}

/// `text` without the number that Rust adds to an error of the system: `(os error 2)`.
pub fn without_codes(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// Escapes the first colon of a line that begins with `::`, which starts a command in a pipeline's
/// log.
pub(super) fn escape_command(line: &str) -> String {
    match line.trim_start().starts_with("::") {
        true => line.replacen(':', "\\u{3a}", 1),
        false => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_has_no_number() {
        let io = std::io::Error::from_raw_os_error(2).to_string();
        assert_eq!(
            without_codes(&format!("a: {io}: {io}; b")),
            "a: No such file or directory: No such file or directory; b"
        );
        assert_eq!(without_codes("nothing of it"), "nothing of it");
    }

    #[test]
    fn one_thing_is_not_many() {
        let policies = |n| counted(n, "policy", "policies");
        assert_eq!([policies(0), policies(1), policies(2)], ["0 policies", "1 policy", "2 policies"]);
    }

    #[test]
    fn nothing_in_a_text_controls_the_terminal_or_is_invisible() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e"), "a\\u{1b}[2Jb\\r\\nc\\u{202e}d\\u{9b}e");
        assert_eq!(printable("\u{2028}\u{200b}\u{feff}\u{ad}"), "\\u{2028}\\u{200b}\\u{feff}\\u{ad}");
        assert_eq!(printable("ü 日本 – a\u{a0}b [x] #[y] [::1]:80 → ≠"), "ü 日本 – a\u{a0}b [x] #[y] [::1]:80 → ≠");
    }

    #[test]
    fn nothing_in_a_text_is_a_command_of_a_pipeline() {
        let escaped = "##\\u{5b}error] ###\\u{5b} ##vso\\u{5b}task] ## [";
        assert_eq!(printable("##[error] ###[ ##vso[task] ## ["), escaped);
        assert_eq!(escape_command(" ::warning::x"), " \\u{3a}:warning::x");
        assert_eq!(escape_command("a ::b"), "a ::b");
    }
}
