//! What is to go wrong, made of what passed in a run that nothing disturbed.

use crate::between::{Nth, Point, Step, Tamper};
use fastrand::Rng;
use std::collections::BTreeMap;

/// So many of each kind are disturbed at most; a lease is renewed as often as there is time for.
const OF_ONE_KIND: u64 = 3;

fn step(kind: &str, nth: Nth, tamper: Tamper) -> Step {
    Step { at: Point { kind: kind.to_owned(), nth }, tamper }
}

/// Each thing that passed with each thing that can become of it.
pub fn single(passed: &BTreeMap<String, u64>) -> Vec<Vec<Step>> {
    let mut plans = Vec::new();
    for (kind, count) in passed {
        let tampers: &[Tamper] = match kind.split(' ').next() {
            Some("WATCH") => &Tamper::OF_WATCHES,
            Some("event") => &Tamper::OF_EVENTS,
            _ => &Tamper::OF_REQUESTS,
        };
        let places = (0..(*count).min(OF_ONE_KIND)).map(Nth::At);
        plans.extend(places.flat_map(|nth| tampers.iter().map(move |tamper| vec![step(kind, nth, *tamper)])));
        // again and again: each one late, each second one lost
        plans.push(vec![step(
            kind,
            Nth::Every(1),
            if kind.starts_with("WATCH") { Tamper::Brief } else { Tamper::Late },
        )]);
        plans.push(vec![step(kind, Nth::Every(2), Tamper::Lost)]);
    }
    plans
}

/// Each list, each watch and each event of it answered with 410: what is asked for is too old.
pub fn expired(passed: &BTreeMap<String, u64>) -> Vec<Vec<Step>> {
    const LISTED: [&str; 2] = ["GET organizationsessionpolicies", "WATCH organizationsessionpolicies"];
    let of_watches = passed.iter().filter(|(kind, _)| kind.starts_with("event ") || LISTED.contains(&kind.as_str()));
    let places = |count: u64| (0..count.min(OF_ONE_KIND)).map(Nth::At);
    of_watches.flat_map(|(kind, count)| places(*count).map(|nth| vec![step(kind, nth, Tamper::Refused(410))])).collect()
}

/// So many pairs of those.
pub fn pairs(single: &[Vec<Step>], count: usize, random: &mut Rng) -> Vec<Vec<Step>> {
    let mut one = || single[random.usize(..single.len())].clone();
    (0..count).map(|_| [one(), one()].concat()).collect()
}
