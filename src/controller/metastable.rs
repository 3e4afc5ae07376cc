//! Minutes in which Scalekit answers nothing but 429 and 503 to a thousand resources that are edited again and again: the
//! real workqueue, delays, outages, rate limiter and circuit breaker, in virtual time. A request takes 50 ms; there is no
//! API server. `make metastability` does it with the real operator (`tests/it/metastable.rs`).

use super::{flow::Flow, records::Record, resource_ref::Uid, status, workqueue::WorkQueue};
use crate::{
    reconcile::{
        Access, CredentialsSource, ErrorKind, Found, Lane, Outages, Outcome, RemoteError, RemoteOutcome, Report,
        Resource, Settings, State,
    },
    scalekit::{Answer, Caller, Host, Limit, Says, Server},
};
use jiff::Timestamp;
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

const RESOURCES: usize = 1000;
const NAMESPACES: usize = 10;
/// Requests per second that the server allows, and for which the operator is configured.
const LIMIT: f64 = 20.0;
const LATENCY: Duration = Duration::from_millis(50);
/// The requests of an edit: two reads and the write.
const REQUESTS: usize = 3;
const DOWN: Duration = Duration::from_secs(300);
/// For so long the requests are counted after twice the longest pause.
const COUNTED: Duration = Duration::from_secs(60);

/// What the server says, each for as long as [`DOWN`]; then it is back.
type Outage = [Answer; 2];

struct Simulation {
    outage: Outage,
    start: Instant,
    queue: WorkQueue,
    host: Host,
    /// An edited resource, as all of them are.
    resource: Resource,
    outages: Mutex<Outages<Uid>>,
    records: Mutex<Vec<Record>>,
    server: Arc<Server>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// When each request was sent, and whether it was carried out.
    sent: Vec<(Instant, bool)>,
    written: HashSet<usize>,
    /// When all were written.
    all: Option<Instant>,
}

/// Of what the limit allows, and of what was carried out.
struct Ran {
    goodput: f64,
    amplification: f64,
    in_vain: usize,
    took: Duration,
}

fn resource() -> Resource {
    let object = json!({
        "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
        "metadata": {"namespace": "a", "name": "x", "uid": "1", "generation": 2},
        "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
    });
    status::resource(&serde_json::from_value(object).unwrap()).at(Timestamp::now())
}

fn uid(nth: usize) -> Uid {
    nth.to_string().into()
}

impl Simulation {
    /// All are edited when it begins, and each again once its edit is written.
    async fn run(outage: Outage, longest_pause: Duration) -> Ran {
        fastrand::seed(1); // all of it runs on this thread
        let start = Instant::now();
        let simulation = Arc::new(Self {
            outage,
            start,
            queue: WorkQueue::default(),
            host: Host::new(LIMIT, Duration::from_secs(10)),
            resource: resource(),
            outages: Mutex::default(),
            records: Mutex::new((0..RESOURCES).map(|_| Record::new(None, Duration::ZERO)).collect()),
            server: Server::new(Limit::Bucket(LIMIT, LIMIT), Says::Wait),
            counts: Mutex::default(),
        });
        (0..RESOURCES).for_each(|nth| simulation.queue.add(&uid(nth)));
        let over = start + DOWN * 2;
        let end = over + longest_pause * 2 + COUNTED;
        let working = tokio::spawn(Arc::clone(&simulation).work());
        sleep_until(end).await;
        while simulation.counts.lock().unwrap().all.is_none() {
            sleep(LATENCY).await;
        }
        working.abort();
        let counts = simulation.counts.lock().unwrap();
        let all = counts.all.unwrap();
        let in_vain = counts.sent.iter().filter(|(at, _)| *at < over).count();
        let counted = counts.sent.iter().filter(|(at, ok)| *ok && *at < end && *at + COUNTED >= end).count();
        let (sent, carried_out) = counts
            .sent
            .iter()
            .filter(|(at, _)| *at <= all)
            .fold((0.0, 0.0), |(sent, done), (_, ok)| (sent + 1.0, done + f64::from(u8::from(*ok))));
        Ran {
            goodput: counted as f64 / (LIMIT * COUNTED.as_secs_f64()),
            amplification: sent / carried_out,
            in_vain,
            took: all - over,
        }
    }

    async fn work(self: Arc<Self>) {
        let flow = |uid: &Uid| Flow {
            environment: "environment".into(),
            namespace: format!("namespace-{}", nth(uid) % NAMESPACES).into(),
        };
        loop {
            let uid = self.queue.get(flow).await;
            tokio::spawn(Arc::clone(&self).reconcile(uid));
        }
    }

    async fn reconcile(self: Arc<Self>, uid: Uid) {
        let nth = nth(&uid);
        let history = self.records.lock().unwrap()[nth].history.clone();
        let settings = Settings { interval: Duration::from_secs(3600), ..Settings::default() };
        let mut state = State::new(settings, history, self.start.elapsed());
        state.resource = Found::Here(Box::new(self.resource.clone()));
        state.credentials = Some(Ok(Access {
            environment: "environment".into(),
            source: CredentialsSource::Environment,
            merges_features: false,
            client: 0,
        }));
        let remote = match self.requests(&mut state, nth).await {
            Ok(()) => RemoteOutcome::InSync,
            Err(error) => RemoteOutcome::Error(error),
        };
        let written = remote == RemoteOutcome::InSync;
        let outcome = Outcome::Reconciled(remote);
        let report = Report::of(&state, &outcome);
        let now = self.start.elapsed();
        let (delay, lane) = {
            let mut records = self.records.lock().unwrap();
            let record = &mut records[nth];
            report.history.into_iter().for_each(|event| record.record(event, now));
            let lane = if record.history.is_awaited() { Lane::Awaited } else { Lane::of(report.requeue) };
            (record.backoff.delay(&uid, report.requeue), lane)
        };
        for (due, lane) in self.outages.lock().unwrap().record(&uid, &state, &outcome) {
            self.queue.add_after(&due, Duration::ZERO, lane);
        }
        if written {
            self.written(nth);
            self.queue.add_edited(&uid); // somebody edits it again
        }
        self.queue.done(&uid, delay, lane);
    }

    /// The reads and the write, with the patience of the real ones.
    async fn requests(&self, state: &mut State, nth: usize) -> Result<(), RemoteError> {
        let (flow, mut limited_since): (Arc<str>, _) = (format!("namespace-{}", nth % NAMESPACES).into(), None);
        for request in 0..REQUESTS {
            let writes = request + 1 == REQUESTS;
            let began = state.began.saturating_sub(state.history.awaited_for(state.began));
            let lane = state.lane(writes);
            let caller = Caller { lane, flow: Arc::clone(&flow), first: writes, began, ..Caller::default() };
            while let Err(error) = self.host.request(&caller, nth as u64, self.send()).await {
                state.clock = self.start.elapsed();
                let limited = matches!(error.kind, ErrorKind::RateLimited { .. });
                let waited_out =
                    |since: &mut Option<Instant>| error.is_waited_out(since.get_or_insert_with(Instant::now).elapsed());
                if !(limited && waited_out(&mut limited_since)) {
                    return Err(error);
                }
            }
            state.clock = self.start.elapsed();
            state.reads.policy = state.clock;
        }
        Ok(())
    }

    /// One request, and the server's answer.
    async fn send(&self) -> Answer {
        let at = Instant::now();
        sleep(LATENCY / 2).await;
        let down = self.outage.get((self.start.elapsed().as_secs() / DOWN.as_secs()) as usize);
        let answer = down.copied().unwrap_or_else(|| self.limit());
        sleep(LATENCY / 2).await;
        self.counts.lock().unwrap().sent.push((at, answer == Answer::CarriedOut));
        answer
    }

    fn limit(&self) -> Answer {
        match self.server.begin() {
            Ok(()) => Answer::CarriedOut,
            Err(left) => Answer::TooMany(Some(Duration::from_secs_f64(left.ceil()))),
        }
    }

    fn written(&self, nth: usize) {
        let mut counts = self.counts.lock().unwrap();
        counts.written.insert(nth);
        if counts.written.len() == RESOURCES {
            counts.all.get_or_insert_with(Instant::now);
        }
    }
}

fn nth(uid: &Uid) -> usize {
    uid.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn row_015_after_minutes_of_429_and_503_nine_tenths_of_the_limit_are_used_and_little_was_sent_in_vain() {
    let seconds = Duration::from_secs;
    let asked = Answer::TooMany(Some(seconds(5)));
    // 429s without a word how long to wait are answered with pauses of up to five minutes
    let cases = [
        ([asked, Answer::Unavailable], seconds(30)),
        ([Answer::Unavailable, asked], seconds(30)),
        ([Answer::Unavailable, Answer::TooMany(None)], seconds(300)),
    ];
    for (outage, longest_pause) in cases {
        let Ran { goodput, amplification, in_vain, took } = Simulation::run(outage, longest_pause).await;
        let ran = format!(
            "{outage:?}: {in_vain} in vain, all written after {took:?}, {:.0} % of the limit, {amplification:.3} for each",
            goodput * 100.0
        );
        println!("{ran}");
        assert!(in_vain >= 10 && goodput >= 0.9 && amplification <= 1.1, "{ran}");
    }
}
