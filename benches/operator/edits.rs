//! Edits that arrive as they do from many people: at random times that do not depend on how fast they are answered.

use crate::world::{World, organization};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// So that every run has the same edits at the same times.
const SEED: u64 = 12;

#[derive(Clone, Copy)]
pub struct Edit {
    /// After the start.
    due: Duration,
    pub number: usize,
    /// The absolute timeout, which no other edit has.
    pub absolute: u64,
}

/// Different resources, chosen by chance, with arrivals as a Poisson process of this rate.
pub fn poisson(resources: usize, per_second: f64, during: Duration, first: u64) -> Vec<Edit> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let numbers = some(resources, resources);
    let mut due = 0.0;
    let mut edits = Vec::new();
    for (number, absolute) in numbers.into_iter().zip(first..) {
        due -= (1.0 - random.f64()).ln() / per_second;
        if due >= during.as_secs_f64() {
            break;
        }
        edits.push(Edit { due: Duration::from_secs_f64(due), number, absolute });
    }
    edits
}

/// So many edits, all due now.
pub fn at_once(resources: usize, count: usize, first: u64) -> Vec<Edit> {
    let numbers = some(resources, count).into_iter().zip(first..);
    numbers.map(|(number, absolute)| Edit { due: Duration::ZERO, number, absolute }).collect()
}

/// So many numbers of resources, chosen by chance.
pub fn some(resources: usize, count: usize) -> Vec<usize> {
    fastrand::Rng::with_seed(SEED + 1).choose_multiple(1..=resources, count)
}

/// Makes the edits, each when it is due; when that started.
pub async fn make(world: &World, edits: &[Edit]) -> Timestamp {
    let (start, clock) = (tokio::time::Instant::now(), Timestamp::now());
    let one = async |edit: &Edit| {
        tokio::time::sleep_until(start + edit.due).await;
        world.declare(edit.number, edit.absolute).await;
    };
    join_all(edits.iter().map(one)).await;
    clock
}

/// For each edit the seconds from when it was due to the arrival of its PATCH, sorted; infinite if there is none.
pub fn latencies(world: &World, edits: &[Edit], start: Timestamp) -> Vec<f64> {
    let calls = world.calls();
    let sent = |edit: &Edit| {
        let organization = organization(edit.number);
        let patch = calls.iter().find(|call| call.policy_patch() == Some((&organization, edit.absolute)))?;
        let due = start + SignedDuration::try_from(edit.due).ok()?;
        Some(patch.at.duration_since(due).as_secs_f64())
    };
    let mut all: Vec<f64> = edits.iter().map(|edit| sent(edit).unwrap_or(f64::INFINITY)).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The value below which this share of all is.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}
