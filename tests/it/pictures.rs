//! Pictures in the documentation: below a command that begins with `$`, what it
//! prints.

use crate::manifests::assert_committed;
use std::{fs, path::Path};

/// A page of the repository.
pub fn page(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// `text` for an SVG.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The code blocks of `page` in this language.
pub fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// `page` with what `draw` says is printed below a command; what it has no
/// answer for stays. Comments behind a command are none of it.
pub fn redrawn(page: &str, mut draw: impl FnMut(&str) -> Option<String>) -> String {
    let mut drawn = 0;
    let mut made = String::new();
    let mut lines = page.lines().peekable();
    let mut inside = false;
    while let Some(line) = lines.next() {
        made += &format!("{line}\n");
        inside = if line.starts_with("```") { line == "```console" } else { inside };
        let Some(command) = line.strip_prefix("$ ").filter(|_| inside) else { continue };
        if let Some(printed) = draw(command.split("  #").next().unwrap().trim()) {
            drawn += 1;
            made += &printed;
            while lines.next_if(|line| !line.starts_with("$ ") && !line.starts_with("```")).is_some() {}
        }
    }
    assert!(drawn > 0, "no picture");
    made
}

/// The page must show what `draw` says.
pub fn assert_true(file: &str, draw: impl FnMut(&str) -> Option<String>) {
    assert_committed(file, &redrawn(&page(file), draw));
}

#[test]
fn only_what_is_printed_below_a_command_is_redrawn() {
    let page = "$ osp no\nkept\n```console\n$ osp yes  # why\nold\nold\n$ other\nkept\n```\nkept\n";
    let made = redrawn(page, |command| (command == "osp yes").then(|| "new\n".to_owned()));
    assert_eq!(made, "$ osp no\nkept\n```console\n$ osp yes  # why\nnew\n$ other\nkept\n```\nkept\n");
}
