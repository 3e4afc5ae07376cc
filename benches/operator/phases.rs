//! The phases, in the order in which a contestant goes through them. Each ends after a stated time at the latest.

use crate::{
    contestant::{Contestant, Process, UNLIMITED},
    counts::Phase,
    edits,
    results::{AtSize, Cell, Results},
    world::{DECLARED, World, organization},
};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};
use tokio::time::sleep;

pub async fn all(world: &World, contestant: &Contestant, results: &mut Results) {
    let process = cold(world, contestant, results).await;
    slope(results);
    rest(world, &process, results).await;
    drift(world, &process, results).await;
    process.stop();
    let process = restart(world, contestant, results).await;
    let process = crash(world, contestant, process, results).await;
    outage(world, &process, results).await;
    process.stop();
    let process = backlog(world, contestant, results).await;
    rate_changes(world, &process, results).await;
    process.stop();
    if delete(world, contestant, results).await {
        six_new(world, contestant, results).await;
    } else {
        results.put("six.seconds", Cell::Over(0.0));
    }
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Writes of statuses and events follow the call that a phase waits for.
const SETTLE: Duration = seconds(3);

/// For what takes time for each resource.
fn bound(world: &World) -> Duration {
    seconds(60 + world.setup.resources as u64 / 10)
}

/// The figure of something that was to be done within a bound.
fn within(bound: Duration, took: Option<f64>) -> Cell {
    took.map_or(Cell::Over(bound.as_secs_f64()), Cell::Is)
}

/// All resources are new, and their organizations have the feature off.
pub async fn cold(world: &World, contestant: &Contestant, results: &mut Results) -> Process {
    let size = world.setup.resources;
    let phase = Phase::begin(world, None).await;
    let process = contestant.start(world, UNLIMITED);
    let bound = bound(world);
    let took = world.until(bound, |world| world.count_ready() == size).await;
    sleep(SETTLE).await;
    let counts = phase.end(world, &process).await;
    let each = size as f64;
    results.put("cold.seconds", within(bound, took.map(|took| took.as_secs_f64())));
    results.is("cold.calls", counts.total() / each);
    results.is("cold.reads", counts.reads / each);
    results.is("cold.writes", counts.writes / each);
    results.is("cold.events", counts.events / each);
    results.is("cold.cpu", 1000.0 * counts.processor / each);
    results.is("cold.memory", process.peak_memory());
    results.by_size.push(AtSize {
        resources: size,
        megabytes: process.peak_memory(),
        processor: 1000.0 * counts.processor / each,
        calls: counts.total() / each,
    });
    process
}

/// Memory for each resource between the smallest size and all.
fn slope(results: &mut Results) {
    if let [first, .., last] = results.by_size.as_slice() {
        let (more, resources) = (last.megabytes - first.megabytes, last.resources - first.resources);
        results.is("cold.slope", more * 1024.0 / resources as f64);
    }
}

async fn rest(world: &World, process: &Process, results: &mut Results) {
    let phase = Phase::begin(world, Some(process)).await;
    sleep(world.setup.interval.mul_f64(1.5)).await;
    let counts = phase.end(world, process).await;
    let looks = counts.looks().max(1.0);
    results.is("rest.calls", counts.total() / looks);
    results.is("rest.reads", counts.reads / looks);
    results.is("rest.writes", counts.writes);
    results.is("rest.cpu", 1000.0 * counts.processor / looks);
}

/// Somebody changes a tenth of the policies at Scalekit.
async fn drift(world: &World, process: &Process, results: &mut Results) {
    let numbers = edits::some(world.setup.resources, world.setup.resources / 10);
    let phase = Phase::begin(world, Some(process)).await;
    for number in &numbers {
        let looser = json!({"policy": {"source": "CUSTOM", "absolute_minutes": 2 * DECLARED}});
        world.simulated("PATCH", &format!("organizations/{}", organization(*number)), &looser);
    }
    let bound = world.setup.interval.mul_f64(2.0) + seconds(10);
    let drifted = numbers.len() as u64;
    let took = world.until(bound, |world| world.count_policy_patches() >= drifted).await;
    sleep(SETTLE).await;
    let counts = phase.end(world, process).await;
    let interval = world.setup.interval.as_secs_f64();
    results.put("drift.slowest", within(bound, took.map(|took| took.as_secs_f64() / interval)));
    results.is("drift.patches", counts.policy_patches() / drifted as f64);
    results.is("drift.writes", counts.writes / drifted as f64);
}

/// A new process, and nothing has changed.
async fn restart(world: &World, contestant: &Contestant, results: &mut Results) -> Process {
    let phase = Phase::begin(world, None).await;
    let process = contestant.start(world, UNLIMITED);
    sleep(seconds(30)).await;
    let counts = phase.end(world, &process).await;
    results.is("warm.patches", counts.patches());
    results.is("warm.writes", counts.writes);
    results.is("warm.calls", counts.total() / world.setup.resources as f64);
    results.is("warm.cpu", counts.processor);
    results.is("warm.memory", process.peak_memory());
    process
}

/// SIGKILL as soon as some of twenty edits are sent.
async fn crash(world: &World, contestant: &Contestant, process: Process, results: &mut Results) -> Process {
    const BOUND: Duration = seconds(60);
    let made = edits::at_once(world.setup.resources, 20, 600);
    let phase = Phase::begin(world, None).await;
    let first = world.until(seconds(20), |world| world.count_policy_patches() >= 5);
    futures::join!(edits::make(world, &made), async {
        first.await;
        process.kill();
    });
    let process = contestant.start(world, UNLIMITED);
    let took = world.until(BOUND, |world| made.iter().all(|edit| world.is_ready(edit.number))).await;
    let counts = phase.end(world, &process).await;
    let theirs: HashSet<_> = made.iter().map(|edit| (organization(edit.number), edit.absolute)).collect();
    let patches = counts.calls.iter().filter_map(|call| call.policy_patch());
    let sent = patches.filter(|(id, absolute)| theirs.contains(&((*id).to_owned(), *absolute))).count();
    results.put("crash.seconds", within(BOUND, took.map(|took| took.as_secs_f64())));
    results.is("crash.patches", sent as f64 / made.len() as f64);
    process
}

/// Scalekit answers 503 for a minute, in which ten resources are edited.
async fn outage(world: &World, process: &Process, results: &mut Results) {
    const BOUND: Duration = seconds(120);
    let phase = Phase::begin(world, Some(process)).await;
    let refuse = json!({"path": "/**", "times": "forever", "fault": {"kind": "refuse", "status": 503}});
    world.simulated("POST", "faults", &refuse);
    sleep(seconds(20)).await;
    let made = edits::at_once(world.setup.resources, 10, 700);
    edits::make(world, &made).await;
    sleep(seconds(60).saturating_sub(Duration::from_secs_f64(phase.seconds()))).await;
    let during = world.calls().len();
    world.simulated("DELETE", "faults", &Value::Null);
    let sent = |world: &World| world.count_policy_patches() >= made.len() as u64;
    let took = world.until(BOUND, sent).await;
    world.until(BOUND, |world| world.count_ready() == world.setup.resources).await;
    let counts = phase.end(world, process).await;
    results.is("outage.calls", during as f64);
    results.is("outage.writes", counts.writes / world.setup.resources as f64);
    results.is("outage.cpu", counts.processor);
    results.put("outage.seconds", within(BOUND, took.map(|took| took.as_secs_f64())));
}

/// Edits for a minute while resyncs alone need more than Scalekit allows.
async fn backlog(world: &World, contestant: &Contestant, results: &mut Results) -> Process {
    const BOUND: Duration = seconds(120);
    let rate = world.setup.rate;
    world.limit(Some(rate));
    let process = contestant.start(world, rate);
    sleep(world.setup.interval + seconds(10)).await; // until all are due again
    let made = edits::poisson(world.setup.resources, rate / 10.0, seconds(60), 1000);
    let phase = Phase::begin(world, Some(&process)).await;
    let start = edits::make(world, &made).await;
    let of_edits = |world: &World| edits::latencies(world, &made, start);
    let unsent = |latencies: &[f64]| latencies.last().is_some_and(|slowest| slowest.is_infinite());
    for _ in 0..BOUND.as_secs() / 2 {
        sleep(seconds(2)).await;
        if !unsent(&of_edits(world)) {
            break;
        }
    }
    sleep(SETTLE).await;
    results.latencies = of_edits(world);
    let counts = phase.end(world, &process).await;
    for (figure, share) in [("edits.p50", 0.5), ("edits.p99", 0.99)] {
        let latency = edits::quantile(&results.latencies, share);
        results.put(figure, within(BOUND, latency.is_finite().then_some(latency)));
    }
    results.is("edits.writes", counts.writes / made.len() as f64);
    results.is("edits.refused", counts.refused_percent());
    results.is("edits.use", counts.used_percent(rate));
    results.is("edits.cpu", counts.processor * 60.0 / counts.seconds);
    process
}

/// Scalekit allows half as much, and then as much as before.
async fn rate_changes(world: &World, process: &Process, results: &mut Results) {
    let full = world.setup.rate;
    for (rate, refused, used) in [(full / 2.0, "half.refused", "half.use"), (full, "back.refused", "back.use")] {
        let phase = Phase::begin(world, Some(process)).await;
        world.limit(Some(rate));
        sleep(seconds(30)).await;
        let counts = phase.end(world, process).await;
        results.is(refused, counts.refused_percent());
        results.is(used, counts.used_percent(rate));
    }
}

/// Whether all are gone.
async fn delete(world: &World, contestant: &Contestant, results: &mut Results) -> bool {
    world.limit(None);
    let process = contestant.start(world, UNLIMITED);
    sleep(seconds(10)).await;
    let phase = Phase::begin(world, Some(&process)).await;
    world.delete_all().await;
    let bound = bound(world);
    let took = world.until(bound, |world| world.count() == 0).await;
    let whole = phase.seconds();
    let counts = phase.end(world, &process).await;
    let each = world.setup.resources as f64;
    results.put("delete.seconds", within(bound, took.map(|_| whole)));
    results.is("delete.calls", counts.total() / each);
    results.is("delete.writes", counts.writes / each);
    results.is("delete.cpu", 1000.0 * counts.processor / each);
    results.is("delete.memory", process.peak_memory());
    process.stop();
    took.is_some()
}

/// A server that allows two requests per second; the contestant must find that out.
async fn six_new(world: &World, contestant: &Contestant, results: &mut Results) {
    const BOUND: Duration = seconds(90);
    world.limit(Some(2.0));
    let first = world.setup.resources + 1;
    world.create(first..first + 6).await;
    let phase = Phase::begin(world, None).await;
    let process = contestant.start(world, UNLIMITED);
    let took = world.until(BOUND, |world| world.count_ready() == 6).await;
    let counts = phase.end(world, &process).await;
    results.put("six.seconds", within(BOUND, took.map(|took| took.as_secs_f64())));
    results.is("six.calls", counts.total());
    results.is("six.refused", counts.refused_percent());
}
