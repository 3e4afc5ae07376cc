//! Who gets permits when, with a clock that the tests move.

use super::*;
use crate::reconcile::Lane;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

fn caller(lane: Lane, flow: &str) -> Caller {
    Caller { lane, flow: flow.into(), ..Caller::default() }
}

fn sent(permit: Result<Permit, Duration>) -> bool {
    permit.map(|mut permit| permit.sent()).is_ok()
}

#[tokio::test(start_paused = true)]
async fn permits_come_at_the_rate_and_in_order() {
    let (limiter, start) = (RateLimiter::new(10.0), Instant::now());
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
            tokio::spawn(async move {
                assert!(sent(limiter.acquire(&Caller::default()).await));
                order.lock().unwrap().push(n);
            })
        })
        .collect();
    futures::future::join_all(tasks).await;
    assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
    let took = start.elapsed();
    assert!(took >= 2 * SECOND && took < 2 * SECOND + SECOND / 5, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_waits_for_is_sent_before_a_backlog_of_what_is_at_rest() {
    let limiter = RateLimiter::new(1.0);
    let resync: Vec<_> = (0..100)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { sent(limiter.acquire(&caller(Lane::Resync, "a")).await) })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    let start = Instant::now();
    for _ in 0..3 {
        assert!(sent(limiter.acquire(&caller(Lane::Awaited, "a")).await));
    }
    assert!(start.elapsed() <= 5 * SECOND, "{:?}", start.elapsed());
    resync.into_iter().for_each(|task| task.abort());
}

#[tokio::test(start_paused = true)]
async fn an_edit_finds_three_kept_for_it_where_what_is_at_rest_takes_the_whole_rate() {
    let limiter = RateLimiter::new(20.0);
    let sent_at_rest = Arc::new(AtomicUsize::new(0));
    let resync: Vec<_> = (0..1000)
        .map(|_| {
            let (limiter, count) = (Arc::clone(&limiter), Arc::clone(&sent_at_rest));
            tokio::spawn(async move {
                assert!(sent(limiter.acquire(&caller(Lane::Resync, "a")).await));
                count.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let start = Instant::now();
    for nth in 1..=10 {
        tokio::time::sleep_until(start + SECOND * nth).await;
        for _ in 0..3 {
            assert!(sent(limiter.acquire(&caller(Lane::Awaited, "a")).await));
        }
        assert_eq!(start.elapsed(), SECOND * nth, "it does not wait");
    }
    let sent = sent_at_rest.load(Ordering::SeqCst);
    assert!((185..=190).contains(&sent), "{sent} of 220 less thirty and what is kept");
    resync.into_iter().for_each(|task| task.abort());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_costs_nothing() {
    let limiter = RateLimiter::new(1.0);
    assert!(sent(limiter.acquire(&Caller::default()).await));
    let gave_up = timeout(SECOND / 10, limiter.acquire(&Caller::default())).await;
    assert!(gave_up.is_err());
    let start = Instant::now();
    assert!(sent(limiter.acquire(&Caller::default()).await));
    assert!(start.elapsed() <= SECOND);
    drop(limiter.acquire(&Caller::default()).await); // and sends nothing
    assert!(sent(limiter.acquire(&Caller::default()).await));
    assert!(start.elapsed() <= 2 * SECOND);
}

/// A request that takes so long.
fn request(limiter: &Arc<RateLimiter>, caller: Caller, takes: Duration) -> tokio::task::JoinHandle<()> {
    let limiter = Arc::clone(limiter);
    tokio::spawn(async move {
        let mut permit = limiter.acquire(&caller).await.unwrap();
        permit.sent();
        tokio::time::sleep(takes).await;
    })
}

#[tokio::test(start_paused = true)]
async fn however_many_namespaces_have_requests_that_hang_others_are_sent() {
    for (rate, namespaces, first) in
        [(100.0, 1, false), (100.0, 3, true), (100.0, 20, false), (10.0, 5, true), (10.0, 20, false), (2.0, 9, false)]
    {
        let limiter = RateLimiter::new(rate);
        let hanging: Vec<_> = (0..400)
            .map(|nth| {
                let caller = Caller { first, ..caller(Lane::Awaited, &format!("hang-{}", nth % namespaces)) };
                request(&limiter, caller, SECOND * 10)
            })
            .collect();
        tokio::time::sleep(SECOND * 50).await; // until they are known to be slow
        let start = Instant::now();
        for _ in 0..10 {
            let other = Caller { first, ..caller(Lane::Awaited, "other") };
            request(&limiter, other, SECOND / 50).await.unwrap();
        }
        let longest = Duration::from_secs_f64(20.0 / rate) + SECOND;
        assert!(start.elapsed() < longest, "{rate}/s, {namespaces}: {:?}", start.elapsed());
        hanging.into_iter().for_each(|task| task.abort());
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_namespace_has_half_of_the_places_and_a_low_rate_two() {
    for (rate, places) in [(100.0, 8), (5.0, 3), (2.0, 2), (1.0, 1)] {
        let limiter = RateLimiter::new(rate);
        for _ in 0..16 {
            sent(limiter.acquire(&Caller::default()).await);
        }
        tokio::time::sleep(SECOND * 10).await;
        let mut under_way = Vec::new();
        while let Ok(permit) = timeout(SECOND * 5, limiter.acquire(&Caller::default())).await {
            let mut permit = permit.unwrap();
            permit.sent();
            under_way.push(permit);
        }
        assert_eq!(under_way.len(), places, "{rate}/s");
    }
}

#[tokio::test(start_paused = true)]
async fn row_010_a_short_pause_is_waited_for_and_a_long_one_is_told() {
    let limiter = RateLimiter::new(10.0);
    let start = Instant::now();
    limiter.on_rate_limited(Some(5 * SECOND));
    assert!(sent(limiter.acquire(&Caller::default()).await));
    assert!(start.elapsed() >= 5 * SECOND);
    limiter.on_rate_limited(Some(30 * SECOND));
    assert_eq!(limiter.acquire(&Caller::default()).await.map(drop), Err(30 * SECOND));
    tokio::time::advance(29 * SECOND).await;
    assert!(sent(limiter.acquire(&Caller::default()).await));
}

#[tokio::test(start_paused = true)]
async fn row_010_who_waits_when_a_long_pause_begins_is_told_of_it() {
    let limiter = RateLimiter::new(1.0);
    assert!(sent(limiter.acquire(&Caller::default()).await));
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { limiter.acquire(&Caller::default()).await.map(drop) }
    });
    tokio::task::yield_now().await;
    limiter.on_rate_limited(Some(30 * SECOND));
    assert!(waiting.await.unwrap().is_err());
}
