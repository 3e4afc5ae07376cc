//! `make prove`: the same worlds with so many more changes and faults on each way (`MORE`, none if it
//! is not set), and the page with what was found.

use super::{Explored, Worlds, explore};
use jiff::Timestamp;
use std::{path::Path, process::Command};

/// Around the figures in the page.
const MARKS: [&str; 2] = ["<!-- figures: written by `make prove` -->", "<!-- end of the figures -->"];

#[test]
#[ignore = "`make prove`: takes long, and writes docs/proof.md"]
fn prove() {
    let only = std::env::var("WORLD").ok();
    let more = std::env::var("MORE").map_or(0, |more| more.parse().unwrap());
    let explored = explore(&Worlds::read(), more, 30_000_000, only.as_deref());
    let lines: Vec<String> = explored.iter().map(Explored::line).collect();
    println!("{}", lines.join("\n"));
    let stories: Vec<String> = explored.iter().filter_map(Explored::story).collect();
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
    if only.is_some() {
        return;
    }
    let states: usize = explored.iter().map(Explored::states).sum();
    let figures = format!(
        "{states} states with {more} more changes and faults than `worlds.txt` says, {}, commit {}.\n\n| world | states | moves | longest way | writes to rest | seconds |\n\
         |---|---|---|---|---|---|\n{}",
        day(),
        commit(),
        lines.join("\n"),
    );
    publish(MARKS, &figures);
}

pub(super) fn commit() -> String {
    let git = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().unwrap();
    String::from_utf8(git.stdout).unwrap().trim().to_owned()
}

pub(super) fn day() -> String {
    Timestamp::now().to_string()[..10].to_owned()
}

/// Writes `figures` between these marks into the page.
pub(super) fn publish(marks: [&str; 2], figures: &str) {
    let page = Path::new(file!()).ancestors().nth(5).unwrap().join("docs/proof.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(marks[0]).unwrap();
    let (_, after) = rest.split_once(marks[1]).unwrap();
    std::fs::write(page, format!("{before}{}\n\n{figures}\n\n{}{after}", marks[0], marks[1])).unwrap();
}
