//! What passes between an operator and its API server is lost, late, doubled, cut or out of date: no life of a
//! resource ends otherwise than an undisturbed one, at Scalekit, in its conditions, and in the number of writes. What
//! is disturbed is not listed here, but recorded; `make perturb` disturbs all of it.

pub mod life;
mod plans;

use crate::{
    between::Step,
    cluster::{Cluster, cluster},
    figures::{publish, today},
    side_by_side::side_by_side,
};
use fastrand::Rng;
use life::{Act, Run, live};
use std::{sync::Arc, time::Instant};

/// From its creation over an edit to its deletion.
const LIFE: &[Act] = &[
    Act::Start,
    Act::Apply("acme", "org_1", 8, None),
    Act::Until("acme", "InSync"),
    Act::Apply("acme", "org_1", 4, None),
    Act::Until("acme", "InSync"),
    Act::Delete("acme"),
    Act::Gone("acme"),
];

/// The same with a Secret, and an operator that comes later than the resource.
const SECRET: &[Act] = &[
    Act::Secret("scalekit"),
    Act::Apply("acme", "org_1", 8, Some("scalekit")),
    Act::Start,
    Act::Until("acme", "InSync"),
    Act::Apply("acme", "org_1", 4, Some("scalekit")),
    Act::Until("acme", "InSync"),
    Act::Delete("acme"),
    Act::Gone("acme"),
];

/// Two resources of one organization; the second one gets it when the first one goes.
const HAND_OVER: &[Act] = &[
    Act::Start,
    Act::Apply("acme", "org_1", 8, None),
    Act::Until("acme", "InSync"),
    Act::Apply("heir", "org_1", 4, None),
    Act::Until("heir", "Conflict"),
    Act::Delete("acme"),
    Act::Gone("acme"),
    Act::Until("heir", "InSync"),
];

/// How often something went wrong in this run; panics where it ends otherwise than the plain one.
async fn disturbed(cluster: Arc<Cluster>, acts: &[Act], plan: &[Step], plain: &Run) -> u64 {
    let run = live(cluster, acts, plan).await;
    assert_eq!(run.ends, plain.ends, "{plan:?}");
    run.hits
}

/// Runs these plans, some side by side; the number of those in which something went wrong, and the stories of
/// those that ended otherwise.
async fn all(acts: &'static [Act], plain: &'static Run, plans: Vec<Vec<Step>>) -> (usize, Vec<String>) {
    let cluster = Box::leak(Box::new(cluster()));
    let runs =
        side_by_side(plans.clone(), 20, async |plan: Vec<Step>| disturbed(cluster.clone(), acts, &plan, plain).await);
    let (mut hit, mut stories) = (0, Vec::new());
    for (run, plan) in runs.await.into_iter().zip(plans) {
        match run {
            Ok(hits) => hit += usize::from(hits > 0),
            Err(error) => stories.push(format!("{plan:?}: {error}")),
        }
    }
    (hit, stories)
}

async fn plain(acts: &'static [Act]) -> &'static Run {
    Box::leak(Box::new(live(cluster(), acts, &[]).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn row_063_a_life_in_which_any_one_of_these_goes_wrong_ends_as_a_plain_one() {
    let plain = plain(LIFE).await;
    let mut plans = plans::single(&plain.passed);
    Rng::with_seed(1).shuffle(&mut plans);
    plans.truncate(16);
    let (hit, stories) = all(LIFE, plain, plans).await;
    assert!(stories.is_empty(), "{stories:#?}");
    assert!(hit >= 12, "{hit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_062_a_life_in_which_a_list_a_watch_or_an_event_is_answered_410_ends_as_a_plain_one() {
    let plain = plain(LIFE).await;
    let plans = plans::expired(&plain.passed);
    let planned = plans.len();
    let (hit, stories) = all(LIFE, plain, plans).await;
    assert!(stories.is_empty(), "{stories:#?}");
    assert!(hit >= 5 && hit * 2 >= planned, "{hit} of {planned}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make perturb`: takes long, and writes docs/proof.md"]
async fn every_plan() {
    let seed = std::env::var("SEED").map_or_else(|_| fastrand::u64(..1 << 32), |seed| seed.parse().unwrap());
    let (mut random, mut rows, mut failed, mut total) = (Rng::with_seed(seed), String::new(), Vec::new(), 0);
    for (name, acts) in [("a life", LIFE), ("a life with a Secret", SECRET), ("a hand-over", HAND_OVER)] {
        let (begun, plain) = (Instant::now(), plain(acts).await);
        let single = plans::single(&plain.passed);
        let pairs = plans::pairs(&single, 20, &mut random);
        let planned = single.len() + pairs.len();
        let (hit, stories) = all(acts, plain, [single, pairs].concat()).await;
        let seconds = begun.elapsed().as_secs();
        println!("{name}: {planned} plans, {hit} disturbed it, {} ended otherwise, {seconds} s", stories.len());
        rows += &format!("| {name} | {planned} | {hit} | {} | {seconds} |\n", stories.len());
        failed.extend(stories);
        total += hit;
    }
    assert!(failed.is_empty(), "seed {seed}: {failed:#?}");
    let head = "| run | plans | that disturbed it | that ended otherwise | seconds |\n|---|---|---|---|---|";
    let figures = format!("{total} runs that were disturbed, {}, seed {seed}.\n\n{head}\n{rows}", today());
    publish("docs/proof.md", "perturbations", "perturb", &figures);
}
