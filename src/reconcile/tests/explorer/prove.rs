//! `make prove`: the same worlds with so many more changes and faults on each way (`MORE`, none if it
//! is not set), and the page with what was found.

use super::{Explored, Worlds, explore};
use crate::figures::{publish, today};

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
        "{states} states with {more} more changes and faults than `worlds.txt` says, {}.\n\n| world | states | moves | longest way | writes to rest | seconds |\n\
         |---|---|---|---|---|---|\n{}",
        today(),
        lines.join("\n"),
    );
    publish("docs/proof.md", "figures", "prove", &figures);
}
