//! `make prove`: the same worlds with more changes, faults, kills and delays on each way (`deep.txt`), and the page
//! with what was found.

use super::{Explored, Worlds, explore, worlds::DEEP};
use crate::figures::{publish, today};

/// So many states are the least that counts as a proof.
const LEAST: usize = 50_000_000;

#[test]
#[ignore = "`make prove`: takes long, and writes docs/proof.md"]
fn prove() {
    let only = std::env::var("WORLD").ok();
    let worlds = Worlds::read(DEEP);
    let explored = explore(&worlds, 60_000_000, only.as_deref());
    let lines: Vec<String> = explored.iter().map(Explored::line).collect();
    let stories: Vec<String> = explored.iter().filter_map(Explored::story).collect();
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
    if only.is_some() {
        return;
    }
    worlds.compare(&explored);
    let states: usize = explored.iter().map(Explored::states).sum();
    assert!(states >= LEAST, "only {states} states");
    let figures = format!(
        "{states} states, {}.\n\n| world | states | moves | longest way | writes to rest | seconds |\n\
         |---|---|---|---|---|---|\n{}",
        today(),
        lines.join("\n"),
    );
    publish("docs/proof.md", "figures", "prove", &figures);
}
