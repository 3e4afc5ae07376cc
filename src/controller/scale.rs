//! What very many resources do to each other: the real workqueue, lanes and rate limiters, in virtual
//! time. A request takes 50 ms; there is no Scalekit and no API server. `make scale` runs it with a
//! million resources, for `docs/scale.md`.

use super::{
    backoff::{Backoff, spread},
    flow::Flow,
    resource_ref::Uid,
    workqueue::WorkQueue,
};
use crate::{
    reconcile::{Lane, REQUESTS_AT_REST, Requeue},
    scalekit::{Caller, RateLimiter},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

const LATENCY: Duration = Duration::from_millis(50);
const MINUTE: Duration = Duration::from_secs(60);
/// The namespaces of an environment; half of its resources are in the first.
const NAMESPACES: usize = 50;
/// It is in another namespace than the first.
const HOT: usize = 1;

#[derive(Clone, Copy)]
struct Load {
    resources: usize,
    environments: usize,
    interval: Duration,
    /// Requests per second to each environment.
    rate: f64,
    /// Edits per second, of all resources.
    edits: f64,
    /// Edits per second in the first namespace of the first environment, besides.
    storm: f64,
    /// Somebody edits one resource of another namespace there a hundred times a second.
    hot: bool,
    lasts: Duration,
}

/// In seconds.
#[derive(Default)]
struct Measured {
    observed: Vec<f64>,
    edited: HashMap<usize, Instant>,
    /// From an edit to its write, without those of the storm and of the loop.
    waits: Vec<f64>,
    /// The oldest observation, of the first namespaces and of the others.
    oldest: [f64; 2],
    /// The requests to the first environment for what is at rest, and for edits.
    sent: [u64; 2],
    bytes: u64,
    reconciles: u64,
}

struct Simulation {
    load: Load,
    start: Instant,
    queue: WorkQueue,
    limiters: Vec<Arc<RateLimiter>>,
    flows: Vec<Flow>,
    measured: Mutex<Measured>,
}

/// As Kubernetes makes them, and with the number of the resource at the end.
fn uid(nth: usize) -> Uid {
    let hash = (nth as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!("{:08x}-{:04x}-4000-8000-{nth:012x}", hash >> 32, hash & 0xffff).into()
}

fn nth(uid: &Uid) -> usize {
    usize::from_str_radix(&uid[24..], 16).unwrap()
}

impl Simulation {
    async fn run(load: Load) -> Measured {
        let namespace = |nth: usize| Arc::<str>::from(format!("namespace-{nth}"));
        let environment = |nth: usize| Arc::<str>::from(format!("environment-{nth}.scalekit.com"));
        let flow =
            |environment: &Arc<str>, nth| Flow { environment: Arc::clone(environment), namespace: namespace(nth) };
        let flows = (0..load.environments).map(environment).flat_map(|e| (0..NAMESPACES).map(move |nth| flow(&e, nth)));
        let simulation = Arc::new(Self {
            start: Instant::now(),
            queue: WorkQueue::default(),
            limiters: (0..load.environments).map(|_| RateLimiter::new(load.rate)).collect(),
            flows: flows.collect(),
            measured: Mutex::default(),
            load,
        });
        simulation.begin();
        let first = move |nth: usize| nth * load.environments * 2;
        let all = load.resources / load.environments / 2;
        simulation.edit(load.edits, 1, move |random| random.usize(..load.resources));
        simulation.edit(load.storm, 2, move |random| first(random.usize(..all)));
        simulation.edit(if load.hot { 100.0 } else { 0.0 }, 3, move |_| HOT * load.environments);
        while let Ok(uid) = timeout_at(
            simulation.start + load.lasts,
            simulation.queue.get(|uid| simulation.flows[simulation.place(nth(uid))].clone()),
        )
        .await
        {
            tokio::spawn(Arc::clone(&simulation).reconcile(uid));
        }
        for nth in 0..load.resources {
            simulation.observe(nth);
        }
        std::mem::take(&mut *simulation.measured.lock().unwrap())
    }

    /// All are at rest, and were read when a restart would have found them so.
    fn begin(&self) {
        let interval = self.load.interval.as_secs_f64();
        let mut observed = Vec::with_capacity(self.load.resources);
        let counted = allocation_counter::measure(|| {
            for nth in 0..self.load.resources {
                let uid = uid(nth);
                let spread = spread(&uid);
                observed.push(interval * (spread - (0.9 + 0.2 * spread)));
                self.queue.add_after(&uid, self.load.interval.mul_f64(spread), Lane::Resync);
            }
        });
        let mut measured = self.measured.lock().unwrap();
        (measured.observed, measured.bytes) = (observed, counted.bytes_current.max(0) as u64);
    }

    /// Where the flow is of a resource.
    fn place(&self, nth: usize) -> usize {
        let (environment, in_it) = (nth % self.load.environments, nth / self.load.environments);
        let namespace = if in_it % 2 == 0 { 0 } else { 1 + in_it / 2 % (NAMESPACES - 1) };
        environment * NAMESPACES + namespace
    }

    /// Edits resources at random times, so many a second.
    fn edit(self: &Arc<Self>, rate: f64, seed: u64, which: impl Fn(&mut fastrand::Rng) -> usize + Send + 'static) {
        if rate == 0.0 {
            return;
        }
        let (simulation, mut random) = (Arc::clone(self), fastrand::Rng::with_seed(seed));
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate)).await;
                let nth = which(&mut random);
                simulation.measured.lock().unwrap().edited.entry(nth).or_insert_with(Instant::now);
                simulation.queue.add_edited(&uid(nth));
            }
        });
    }

    async fn reconcile(self: Arc<Self>, uid: Uid) {
        let nth = nth(&uid);
        let edited = || self.measured.lock().unwrap().edited.remove(&nth);
        let (mut edit, mut request) = (edited(), 0);
        let (place, limiter) = (self.place(nth), &self.limiters[nth % self.load.environments]);
        let (reads, began) = (REQUESTS_AT_REST as usize, Instant::now());
        while request < reads + usize::from(edit.is_some()) {
            let first = request == reads; // the write
            let lane = if edit.is_some() { Lane::Awaited } else { Lane::Resync };
            let flow = Arc::clone(&self.flows[place].namespace);
            let caller = Caller { lane, flow, first, began: began - self.start, ..Caller::default() };
            let mut permit = tokio::select! {
                permit = limiter.acquire(&caller) => permit.unwrap(),
                () = self.queue.urgent(&uid), if lane == Lane::Resync => {
                    self.queue.take_edit(&uid);
                    edit = edited();
                    continue;
                }
            };
            permit.sent();
            self.sent(nth, edit, first);
            sleep(LATENCY).await;
            limiter.on_response();
            request += 1;
        }
        self.observe(nth);
        let delay = Backoff::default().delay(&uid, Requeue::Interval(self.load.interval));
        self.queue.done(&uid, delay, Lane::Resync);
    }

    fn sent(&self, nth: usize, edited: Option<Instant>, write: bool) {
        let place = self.place(nth);
        let mut measured = self.measured.lock().unwrap();
        measured.sent[usize::from(edited.is_some())] += u64::from(place < NAMESPACES);
        let of_others = nth != HOT * self.load.environments && (self.load.storm == 0.0 || place != 0);
        if let Some(edited) = edited.filter(|_| write && of_others) {
            measured.waits.push(edited.elapsed().as_secs_f64());
        }
    }

    fn observe(&self, nth: usize) {
        let now = self.start.elapsed().as_secs_f64();
        let others = usize::from(!self.place(nth).is_multiple_of(NAMESPACES));
        let mut measured = self.measured.lock().unwrap();
        let age = now - std::mem::replace(&mut measured.observed[nth], now);
        measured.oldest[others] = measured.oldest[others].max(age / self.load.interval.as_secs_f64());
        measured.reconciles += 1;
    }
}

impl Measured {
    /// The wait that so large a part of the edits does not exceed.
    fn wait(&self, part: f64) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_by(f64::total_cmp);
        waits[((waits.len() - 1) as f64 * part) as usize]
    }

    /// The part of the requests that is for what is at rest.
    fn share(&self) -> f64 {
        self.sent[0] as f64 / self.sent.iter().sum::<u64>() as f64
    }

    fn print(&self, load: &Load) {
        let rest = REQUESTS_AT_REST * load.resources as f64 / load.environments as f64 / load.interval.as_secs_f64();
        println!("resources, environments, interval: {}, {}, {:?}", load.resources, load.environments, load.interval);
        println!("requests/s an environment needs at rest, and allows: {rest:.1}, {:.1}", load.rate);
        println!("edits/s in all, and in one namespace besides: {}, {}", load.edits, load.storm);
        println!("reconciles: {}", self.reconciles);
        println!("oldest observation, in intervals: {:.3}", self.oldest[0].max(self.oldest[1]));
        println!(
            "edit to write, p50, p99, longest: {:.3} s, {:.3} s, {:.3} s",
            self.wait(0.5),
            self.wait(0.99),
            self.wait(1.0)
        );
        println!("share of what is at rest where edits are many: {:.3}", self.share());
        println!("queue and uid, bytes per resource: {:.0}", self.bytes as f64 / load.resources as f64);
    }
}

/// Ten thousand resources in two environments that allow half as much again as they need.
const USUAL: Load = Load {
    resources: 10_000,
    environments: 2,
    interval: Duration::from_secs(600),
    rate: 25.0,
    edits: 1.0,
    storm: 0.0,
    hot: false,
    lasts: Duration::from_secs(1500),
};

/// Three requests, the first two of which take their time, and a bit.
fn soon(load: &Load) -> f64 {
    3.0 / load.rate + 2.0 * LATENCY.as_secs_f64() + 0.1
}

#[tokio::test(start_paused = true)]
async fn where_the_rate_is_enough_nothing_gets_older_than_it_may_and_edits_do_not_wait() {
    let measured = Simulation::run(USUAL).await;
    measured.print(&USUAL);
    assert!(measured.oldest.iter().all(|oldest| *oldest <= 1.2), "{:?}", measured.oldest);
    assert!(measured.wait(0.99) <= soon(&USUAL), "{}", measured.wait(0.99));
}

#[tokio::test(start_paused = true)]
async fn where_edits_would_take_all_of_the_rate_what_is_at_rest_keeps_a_fifth() {
    // the edits of the first namespace would need twice the rate, what is at rest in the others a fifth, or less
    let load = |resources| Load { resources, environments: 1, rate: 20.0, edits: 0.05, storm: 14.0, ..USUAL };
    let all = Simulation::run(load(2400)).await;
    all.print(&load(2400));
    assert!(all.share() >= 0.19, "{}", all.share());
    let less = Simulation::run(load(1800)).await;
    less.print(&load(1800));
    assert!(less.oldest[1] <= 1.2, "{:?}", less.oldest);
}

#[tokio::test(start_paused = true)]
async fn where_the_rate_is_not_enough_the_largest_namespace_is_read_late_and_edits_do_not_wait() {
    let load = Load { resources: 4000, environments: 1, rate: 10.0, edits: 0.25, lasts: MINUTE * 40, ..USUAL };
    let measured = Simulation::run(load).await;
    measured.print(&load);
    let [largest, others] = measured.oldest;
    assert!(others <= 1.3 && largest > 1.5, "{:?}", measured.oldest);
    assert!(measured.wait(0.99) <= 1.5 * soon(&load), "{}", measured.wait(0.99));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_who_edits_thousands_and_a_loop_of_edits_cost_the_others_little() {
    let load = Load { resources: 4000, storm: 20.0, hot: true, ..USUAL };
    let measured = Simulation::run(load).await;
    measured.print(&load);
    assert!(measured.wait(0.99) <= 1.0, "{}", measured.wait(0.99));
    assert!(measured.oldest[1] <= 1.2, "{:?}", measured.oldest);
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute or two, when optimised: make scale"]
async fn scale_of_a_million_resources() {
    let hour = Duration::from_secs(3600);
    let load = Load {
        resources: 1_000_000,
        environments: 10,
        interval: hour,
        rate: 100.0,
        edits: 20.0,
        storm: 10.0,
        hot: true,
        lasts: hour * 2,
    };
    let measured = Simulation::run(load).await;
    measured.print(&load);
    assert!(measured.oldest[1] <= 1.2 && measured.wait(0.99) <= 1.0);
}
