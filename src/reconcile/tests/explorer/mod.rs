//! Every state that a closed world of the operator can get into, by the real decision: breadth-first
//! over all orders of what others do, what goes wrong, and when (`docs/proof.md`).

mod ballot;
mod candidates;
mod delivery;
mod graph;
mod key;
mod moves;
mod mutants;
mod place;
mod properties;
mod prove;
mod reached;
mod scenes;
mod search;
mod steps;
mod ways;
mod worlds;

use place::Place;
use scenes::SCENES;
use search::{Found, Search, Story};
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use worlds::{EACH_COMMIT, Worlds};

/// What became of one world.
struct Explored {
    name: &'static str,
    found: Result<Found, Story>,
    took: Duration,
}

/// Two processes that want one lease come last.
const LEASE: &str = "two processes and one lease";

/// Explores all worlds, or those whose name has `only` in it; `most` states of each.
fn explore(worlds: &Worlds, most: usize, only: Option<&str>) -> Vec<Explored> {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let name = match at {
                at if at < SCENES.len() => SCENES[at].name,
                at if at == SCENES.len() => LEASE,
                _ => break,
            };
            let Some(world) = worlds.get(name).filter(|_| only.is_none_or(|only| name.contains(only))) else {
                continue;
            };
            let begun = Instant::now();
            let found = match SCENES.get(at) {
                Some(scene) => Search::run(Place::new(scene, world), most),
                None => ballot::elections(world.faults, world.pauses, most),
            };
            let explored = Explored { name, found, took: begun.elapsed() };
            println!("{}", explored.line());
            all.lock().unwrap().push((at, explored));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, explored)| explored).collect()
}

/// `UPDATE=1` writes the counts anew; a world that shrinks proves less. Beside the rest of the
/// operator it is built without optimisation, and only the start of each world is explored;
/// `make explore`, which `make test` makes too, explores all of it.
#[test]
fn every_state_keeps_every_property() {
    let only = std::env::var("WORLD").ok();
    let most = std::env::var("MOST").map_or(4_000_000, |most| most.parse().unwrap());
    let small = !Path::new(env!("CARGO_MANIFEST_DIR")).ends_with("tests/core");
    let worlds = if small { Worlds::read(EACH_COMMIT).small() } else { Worlds::read(EACH_COMMIT) };
    let explored = explore(&worlds, most, only.as_deref());
    let stories: Vec<String> = explored.iter().filter_map(Explored::story).collect();
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
    if only.is_none() && !small {
        worlds.compare(&explored);
    }
}

impl Explored {
    fn story(&self) -> Option<String> {
        self.found.as_ref().err().map(|Story(story)| format!("{}: {story}", self.name))
    }

    fn states(&self) -> usize {
        self.found.as_ref().map_or(0, |found| found.states)
    }

    fn writes(&self) -> u32 {
        self.found.as_ref().map_or(0, |found| found.writes)
    }

    fn line(&self) -> String {
        match &self.found {
            Ok(Found { states, moves, depth, writes }) => {
                let seconds = self.took.as_secs_f64();
                format!("| {} | {states} | {moves} | {depth} | {writes} | {seconds:.1} |", self.name)
            }
            Err(Story(story)) => format!("{} after {:?}: {story}", self.name, self.took),
        }
    }
}
