//! Servers with limits of all kinds, each in virtual time with the real rate limiter: how much of what a server allows
//! is used, and how many requests it refuses.

use super::super::{caller::Caller, rate_limiter::RateLimiter, retry_after::Allowance};
use crate::reconcile::{Lane, PATIENCE};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const REQUESTS: usize = 5;
const BEGUN: usize = 16;
const CONFIGURED: f64 = 10.0;
const LATENCY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So many in each of these seconds, all at once.
    Window(f64, f64),
    /// So many a second, and a burst of so many.
    Bucket(f64, f64),
    /// So many under way.
    Concurrent(f64),
}

#[derive(Clone, Copy, Debug)]
enum Says {
    Nothing,
    /// With a 429, how long to wait.
    Wait,
    /// With each response, what is left.
    Left,
}

struct Server {
    limit: Limit,
    says: Says,
    start: Instant,
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
    fn begin(&self) -> Result<(), f64> {
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
        matches!(self.says, Says::Left).then_some(Allowance { left: state.tokens.floor(), limit: Some(limit), reset })
    }
}

/// Returns the pause that ended it.
async fn reconcile(
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
                    let hint = (!matches!(server.says, Says::Nothing)).then(|| Duration::from_secs_f64(left.ceil()));
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

/// In percent of what is allowed, in percent of what was sent, and the median edit in the time between two allowed requests.
struct Ran {
    used: f64,
    refused: f64,
    edit: f64,
}

async fn run(limit: Limit, says: Says) -> Ran {
    fastrand::seed(1); // all of it runs on this thread
    let server = Arc::new(Server {
        limit,
        says,
        start: Instant::now(),
        state: Mutex::default(),
        allowed: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
    });
    if let Limit::Bucket(_, burst) | Limit::Window(burst, _) = limit {
        server.state.lock().unwrap().tokens = burst;
    }
    let (limiter, begun) = (RateLimiter::new(CONFIGURED), Arc::new(tokio::sync::Semaphore::new(BEGUN)));
    let all: Vec<_> = (0..3000)
        .map(|nth| {
            let (server, limiter, begun) = (Arc::clone(&server), Arc::clone(&limiter), Arc::clone(&begun));
            tokio::spawn(async move {
                loop {
                    let place = begun.acquire().await.unwrap();
                    let pause = reconcile(&server, &limiter, nth, Lane::Resync, REQUESTS).await;
                    drop(place);
                    match pause {
                        Some(pause) => sleep(pause).await,
                        None => break,
                    }
                }
            })
        })
        .collect();
    let time = SECOND * 1200;
    let took = Arc::new(Mutex::new(Vec::new()));
    while server.start.elapsed() < time {
        sleep(Duration::from_secs_f64(5.0 + 20.0 * fastrand::f64())).await;
        let (server, limiter, took) = (Arc::clone(&server), Arc::clone(&limiter), Arc::clone(&took));
        tokio::spawn(async move {
            let start = Instant::now();
            while let Some(pause) = reconcile(&server, &limiter, 0, Lane::Awaited, 3).await {
                sleep(pause).await;
            }
            took.lock().unwrap().push(start.elapsed().as_secs_f64());
        });
    }
    all.iter().for_each(tokio::task::JoinHandle::abort);
    let rate = match limit {
        Limit::Window(allowed, seconds) => allowed / seconds,
        Limit::Bucket(rate, _) => rate,
        Limit::Concurrent(most) => most / LATENCY.as_secs_f64(),
    };
    let most = rate.min(CONFIGURED) * time.as_secs_f64();
    let (allowed, refused) =
        (server.allowed.load(Ordering::Relaxed) as f64, server.refused.load(Ordering::Relaxed) as f64);
    let mut took = took.lock().unwrap().clone();
    took.sort_by(f64::total_cmp);
    let rate = rate.min(CONFIGURED);
    let (sent, edit) = (allowed + refused, took[took.len() / 2] * rate);
    Ran { used: 100.0 * allowed / most, refused: 100.0 * refused / sent, edit }
}

#[tokio::test(start_paused = true)]
async fn row_012_whatever_the_kind_of_a_limit_most_of_it_is_used_little_is_refused_and_an_edit_hardly_waits() {
    let kinds = [
        (Limit::Window(60.0, 60.0), Says::Left, 90.0, 1.0, 4.0),
        (Limit::Window(60.0, 60.0), Says::Wait, 85.0, 2.0, 4.0),
        (Limit::Window(60.0, 60.0), Says::Nothing, 60.0, 4.0, 8.0),
        (Limit::Window(300.0, 60.0), Says::Left, 90.0, 1.0, 4.0),
        (Limit::Window(300.0, 60.0), Says::Wait, 85.0, 1.0, 4.0),
        (Limit::Window(600.0, 300.0), Says::Left, 90.0, 1.0, 4.0),
        (Limit::Window(20000.0, 86400.0), Says::Left, 2000.0, 1.0, 4.0), // much of it at once
        (Limit::Window(2.0, 1.0), Says::Left, 80.0, 2.0, 4.0),
        (Limit::Bucket(1.0, 1.0), Says::Nothing, 80.0, 2.0, 4.0),
        (Limit::Bucket(2.0, 2.0), Says::Left, 90.0, 1.0, 4.0),
        (Limit::Bucket(2.0, 2.0), Says::Wait, 80.0, 2.0, 4.0),
        (Limit::Bucket(2.0, 100.0), Says::Wait, 90.0, 2.0, 4.0),
        (Limit::Bucket(8.0, 1.0), Says::Nothing, 45.0, 1.0, 8.0),
        (Limit::Concurrent(2.0), Says::Wait, 90.0, 1.0, 4.0),
    ];
    for (limit, says, least_used, most_refused, longest) in kinds {
        let Ran { used, refused, edit } = run(limit, says).await;
        let ran = format!("{limit:?} {says:?}: used {used:.0} %, refused {refused:.1} %, edit {edit:.1} / rate");
        println!("{ran}");
        assert!(used >= least_used && refused <= most_refused && edit <= longest, "{ran}");
    }
}
