//! `make bench`: what the operator needs for N resources, phase by phase, beside the same job done with
//! kube-rs, controller-runtime and kopf. Each works on a real API server of its own, and through TLS with a
//! simulated Scalekit that takes 5 ms for each response. Everything is counted from outside: calls in the simulator's
//! journal, reads and writes by the API server, processor and memory in /proc.
//!
//! `N=300` makes it smaller, `CONTESTANTS=operator,kopf` leaves out others, and `NOTE='…'` is written beside the figures.
//! `PHASES=cold` runs that one alone and writes nothing: for a profile.
//! It prints a table and writes it with plots into `docs/performance.md`. Nothing fails: counts that must hold are
//! held by tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a benchmark that cannot go on fails"
)]

#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
#[path = "../../tests/it/authority.rs"]
mod authority;
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
#[path = "../../tests/it/cluster.rs"]
mod cluster;
mod contestant;
mod counts;
mod edits;
#[path = "../baselines/kube_rs.rs"]
mod kube_rs;
mod page;
mod phases;
mod results;
mod rows;
mod svg;
mod world;

use contestant::{Contestant, Kind};
use results::{Results, Setup};
use world::World;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some(contestant::KUBE_RS) {
        return kube_rs::run().await;
    }
    // `cargo test --benches` starts it too, without this argument
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let setup = Setup::of(variable("N").map_or(1000, |n| n.parse().expect("N is a number")));
    let chosen = variable("CONTESTANTS").unwrap_or_else(|| Kind::ALL.map(Kind::name).join(","));
    let mut all = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| chosen.split(',').any(|name| name == kind.name())) {
        let results = match Contestant::prepare(kind) {
            Ok(contestant) if variable("PHASES").is_some_and(|phases| phases == "cold") => {
                let mut results = Results::new(kind);
                phases::cold(&World::new(setup).await, &contestant, &mut results).await.stop();
                continue;
            }
            Ok(contestant) => measure(&contestant, setup).await,
            Err(why) => Results::not_run(kind, why),
        };
        all.push(results);
        page::write(setup, &all); // also if a later one is interrupted
    }
    println!("{}", page::table(setup, &all));
}

/// The memory and the processor at a quarter and at half of the size, then all phases.
async fn measure(contestant: &Contestant, setup: Setup) -> Results {
    let mut results = Results::new(contestant.kind);
    for size in [setup.resources / 4, setup.resources / 2] {
        let world = World::new(Setup { resources: size, ..setup }).await;
        let mut smaller = Results::new(contestant.kind);
        phases::cold(&world, contestant, &mut smaller).await.kill();
        results.by_size.extend(smaller.by_size);
    }
    let world = World::new(setup).await;
    phases::all(&world, contestant, &mut results).await;
    results
}
