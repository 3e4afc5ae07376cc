//! Who goes on after a pause where few requests get through between two: in virtual time, with the real rate limiter.

use super::super::{caller::Caller, rate_limiter::RateLimiter};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(60);
/// The requests of a new resource.
const REQUESTS: usize = 5;
/// The reconciles of one namespace that are begun at most.
const BEGUN: usize = 16;

/// A server that allows so many requests in each minute, and says nothing of it but how long to wait.
struct Windows {
    allowed: usize,
    start: Instant,
    sent: Mutex<(u128, usize)>,
}

impl Windows {
    fn answer(&self) -> Result<(), Duration> {
        let elapsed = self.start.elapsed();
        let window = elapsed.as_millis() / WINDOW.as_millis();
        let mut sent = self.sent.lock().unwrap();
        if sent.0 != window {
            *sent = (window, 0);
        }
        sent.1 += 1;
        let left = WINDOW * u32::try_from(window + 1).unwrap() - elapsed;
        if sent.1 <= self.allowed { Ok(()) } else { Err(left) }
    }
}

/// How many of `resources` are reconciled in so many minutes, where each reconcile that meets a pause begins anew after
/// it.
async fn reconciled(resources: usize, allowed: usize, minutes: u32) -> usize {
    let server = Windows { allowed, start: Instant::now(), sent: Mutex::default() };
    let server = Arc::new(server);
    let (limiter, begun) = (RateLimiter::new(10.0), Arc::new(tokio::sync::Semaphore::new(BEGUN)));
    let done = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..resources)
        .map(|nth| {
            let (server, limiter, begun) = (Arc::clone(&server), Arc::clone(&limiter), Arc::clone(&begun));
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                loop {
                    let place = begun.acquire().await.unwrap();
                    let pause = reconcile(&server, &limiter, nth).await;
                    drop(place);
                    match pause {
                        Some(pause) => sleep(pause).await,
                        None => break,
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();
    sleep(WINDOW * minutes).await;
    all.iter().for_each(tokio::task::JoinHandle::abort);
    done.load(Ordering::Relaxed)
}

/// Returns the pause that ended it.
async fn reconcile(server: &Windows, limiter: &Arc<RateLimiter>, nth: usize) -> Option<Duration> {
    let began = server.start.elapsed() + Duration::from_nanos(nth as u64); // no two begin at the same time
    let caller = Caller { began, ..Caller::default() };
    for _ in 0..REQUESTS {
        let mut permit = match limiter.acquire(&caller).await {
            Ok(permit) => permit,
            Err(pause) => return Some(pause),
        };
        permit.sent();
        sleep(SECOND / 20).await;
        match server.answer() {
            Ok(()) => limiter.on_response(),
            Err(left) => return Some(limiter.on_rate_limited(Some(left))),
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn row_012_where_few_requests_get_through_between_two_pauses_what_was_begun_first_is_finished() {
    for allowed in [20, 60] {
        let minutes = 10;
        let reconciled = reconciled(200, allowed, minutes).await;
        let most = allowed * minutes as usize / REQUESTS;
        assert!(reconciled * 2 > most, "{reconciled} of at most {most}");
    }
}
