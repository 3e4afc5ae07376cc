//! A server with a limit of any kind, and reconciles that ask it through the real rate limiter, in virtual time.

use super::super::{caller::Caller, rate_limiter::RateLimiter, retry_after::Allowance};
use crate::reconcile::{Lane, PATIENCE};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The requests of a new resource.
pub(super) const REQUESTS: usize = 5;
/// The reconciles of one namespace that are begun at most.
const BEGUN: usize = 16;
pub(super) const LATENCY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// So many in each of these seconds, all at once.
    Window(f64, f64),
    /// So many a second, and a burst of so many.
    Bucket(f64, f64),
    /// So many under way.
    Concurrent(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Says {
    Nothing,
    /// With a 429, how long to wait.
    Wait,
    /// With a 429, to wait for so many seconds, however long it takes.
    Always(f64),
    /// With each response, what is left.
    Left,
    /// With each response that nothing is, for a minute.
    NothingLeft,
}

impl Limit {
    /// Requests a second.
    pub(super) fn rate(self) -> f64 {
        match self {
            Self::Window(allowed, seconds) => allowed / seconds,
            Self::Bucket(rate, _) => rate,
            Self::Concurrent(most) => most / LATENCY.as_secs_f64(),
        }
    }
}

pub(crate) struct Server {
    limit: Limit,
    says: Says,
    pub(super) start: Instant,
    state: Mutex<State>,
    allowed: AtomicUsize,
    refused: AtomicUsize,
}

#[derive(Default)]
struct State {
    tokens: f64,
    at: f64,
    under_way: f64,
}

impl Server {
    pub(crate) fn new(limit: Limit, says: Says) -> Arc<Self> {
        let (allowed, refused) = Default::default();
        let tokens = match limit {
            Limit::Bucket(_, burst) | Limit::Window(burst, _) => burst,
            Limit::Concurrent(_) => 0.0,
        };
        let state = Mutex::new(State { tokens, ..State::default() });
        Arc::new(Self { limit, says, start: Instant::now(), state, allowed, refused })
    }

    /// How many requests it allowed and refused.
    pub(super) fn counts(&self) -> (f64, f64) {
        (self.allowed.load(Ordering::Relaxed) as f64, self.refused.load(Ordering::Relaxed) as f64)
    }

    fn refill(&self, state: &mut State) -> f64 {
        let now = self.start.elapsed().as_secs_f64();
        match self.limit {
            Limit::Window(allowed, seconds) => {
                if (now / seconds).floor() > (state.at / seconds).floor() || now == 0.0 {
                    state.tokens = allowed;
                }
            }
            Limit::Bucket(rate, burst) => state.tokens = (state.tokens + (now - state.at) * rate).min(burst),
            Limit::Concurrent(most) => state.tokens = most - state.under_way,
        }
        state.at = now;
        now
    }

    /// Whether it is allowed; else how long to wait.
    pub(crate) fn begin(&self) -> Result<(), f64> {
        let mut state = self.state.lock().unwrap();
        let now = self.refill(&mut state);
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            state.under_way += 1.0;
            self.allowed.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(match self.limit {
            Limit::Window(_, seconds) => seconds - now % seconds,
            Limit::Bucket(rate, _) => (1.0 - state.tokens) / rate,
            Limit::Concurrent(_) => 1.0,
        })
    }

    fn end(&self) -> Option<Allowance> {
        let mut state = self.state.lock().unwrap();
        state.under_way -= 1.0;
        self.report(&mut state)
    }

    fn report(&self, state: &mut State) -> Option<Allowance> {
        let now = self.refill(state);
        let (limit, reset) = match self.limit {
            Limit::Window(allowed, seconds) => (allowed, seconds - now % seconds),
            Limit::Bucket(rate, burst) => (burst, (burst - state.tokens) / rate),
            Limit::Concurrent(_) => return None,
        };
        let reset = Some(Duration::from_secs_f64(reset.ceil()));
        match self.says {
            Says::Nothing | Says::Wait | Says::Always(_) => None,
            Says::Left => Some(Allowance { left: state.tokens.floor(), limit: Some(limit), reset }),
            Says::NothingLeft => {
                Some(Allowance { left: 0.0, limit: Some(limit), reset: Some(Duration::from_secs(60)) })
            }
        }
    }
}

/// Returns the pause that ended it.
pub(super) async fn reconcile(
    server: &Server,
    limiter: &Arc<RateLimiter>,
    nth: usize,
    lane: Lane,
    requests: usize,
) -> Option<Duration> {
    let began = server.start.elapsed() + Duration::from_nanos(nth as u64);
    let caller = Caller { began, lane, ..Caller::default() };
    for _ in 0..requests {
        loop {
            let mut permit = match limiter.acquire(&caller).await {
                Ok(permit) => permit,
                Err(pause) => return Some(pause),
            };
            permit.sent();
            sleep(LATENCY / 2).await;
            match server.begin() {
                Ok(()) => {
                    sleep(LATENCY / 2).await;
                    if let Some(allowance) = server.end() {
                        limiter.on_allowance(allowance);
                    }
                    limiter.on_response();
                    break;
                }
                Err(left) => {
                    if let Some(allowance) = server.report(&mut server.state.lock().unwrap()) {
                        limiter.on_allowance(allowance);
                    }
                    let hint = match server.says {
                        Says::Nothing => None,
                        Says::Always(seconds) => Some(seconds),
                        Says::Wait | Says::Left | Says::NothingLeft => Some(left.ceil()),
                    };
                    let hint = hint.map(Duration::from_secs_f64);
                    let pause = limiter.on_rate_limited(hint);
                    if pause > PATIENCE {
                        return Some(pause);
                    }
                }
            }
        }
    }
    None
}

/// So many new resources, of which few are begun at a time; one that meets a long pause begins anew after it.
pub(super) struct Backlog {
    all: Vec<JoinHandle<()>>,
    done: Arc<AtomicUsize>,
}

impl Backlog {
    pub(super) fn of(resources: usize, lane: Lane, server: &Arc<Server>, limiter: &Arc<RateLimiter>) -> Self {
        let (begun, done) = (Arc::new(Semaphore::new(BEGUN)), Arc::<AtomicUsize>::default());
        let start = |nth| {
            let (server, limiter) = (Arc::clone(server), Arc::clone(limiter));
            let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
            tokio::spawn(async move {
                loop {
                    let place = begun.acquire().await.unwrap();
                    let pause = reconcile(&server, &limiter, nth, lane, REQUESTS).await;
                    drop(place);
                    match pause {
                        Some(pause) => sleep(pause).await,
                        None => break,
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            })
        };
        Self { all: (0..resources).map(start).collect(), done }
    }

    /// How many are reconciled.
    pub(super) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends them all; returns how many are reconciled.
    pub(super) fn end(self) -> usize {
        self.all.iter().for_each(JoinHandle::abort);
        self.done.load(Ordering::Relaxed)
    }
}
