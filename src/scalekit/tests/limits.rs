//! Servers with limits of all kinds, each in virtual time with the real rate limiter: how much of what a server allows
//! is used, and how many requests it refuses.

use super::{
    super::rate_limiter::RateLimiter,
    limited::{Backlog, Limit, Says, Server, reconcile},
};
use crate::reconcile::Lane;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const CONFIGURED: f64 = 10.0;

/// In percent of what is allowed, in percent of what was sent, and the median edit in the time between two allowed requests.
struct Ran {
    used: f64,
    refused: f64,
    edit: f64,
}

/// New resources at a server that has never been asked: how long until all are reconciled, in the time that what they take
/// is allowed in, and how many percent of the requests are refused.
async fn arrive(limit: Limit, says: Says, configured: f64, resources: usize) -> (f64, f64) {
    fastrand::seed(1);
    let (server, start) = (Server::new(limit, says), Instant::now());
    let limiter = RateLimiter::new(configured);
    let backlog = Backlog::of(resources, Lane::Awaited, &server, &limiter);
    while backlog.done() < resources && start.elapsed() < SECOND * 3600 {
        sleep(SECOND / 10).await;
    }
    backlog.end();
    let (allowed, refused) = server.counts();
    (start.elapsed().as_secs_f64() * limit.rate() / allowed, 100.0 * refused / (allowed + refused))
}

#[tokio::test(start_paused = true)]
async fn row_012_a_limit_far_below_the_configured_rate_is_learned_from_few_429s() {
    let bucket = Limit::Bucket(2.0, 2.0);
    for (limit, says, longest, most_refused) in [
        (bucket, Says::Left, 1.2, 0.0),
        (bucket, Says::Wait, 1.4, 4.0),
        (bucket, Says::Nothing, 1.6, 4.0),
        (bucket, Says::Always(5.0), 1.5, 4.0),
        (bucket, Says::Always(20.0), 2.5, 4.0),
        (Limit::Bucket(4.0, 4.0), Says::NothingLeft, 2.0, 6.0),
    ] {
        for configured in [10.0, 100.0] {
            let (took, refused) = arrive(limit, says, configured, 20).await;
            let ran = format!("{limit:?} {says:?} of {configured}: {took:.2} times, refused {refused:.1} %");
            println!("{ran}");
            assert!(took <= longest && refused <= most_refused, "{ran}");
        }
    }
}

async fn run(limit: Limit, says: Says) -> Ran {
    fastrand::seed(1); // all of it runs on this thread
    let server = Server::new(limit, says);
    let limiter = RateLimiter::new(CONFIGURED);
    let backlog = Backlog::of(3000, Lane::Resync, &server, &limiter);
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
    backlog.end();
    let rate = limit.rate();
    let most = rate.min(CONFIGURED) * time.as_secs_f64();
    let (allowed, refused) = server.counts();
    let mut took = took.lock().unwrap().clone();
    took.sort_by(f64::total_cmp);
    let rate = rate.min(CONFIGURED);
    let (sent, edit) = (allowed + refused, took[took.len() / 2] * rate);
    Ran { used: 100.0 * allowed / most, refused: 100.0 * refused / sent, edit }
}

#[tokio::test(start_paused = true)]
async fn row_012_whatever_the_kind_of_a_limit_most_of_it_is_used_little_is_refused_and_an_edit_hardly_waits() {
    let kinds = [
        (Limit::Window(60.0, 60.0), Says::Left, 90.0, 1.0, 1.0),
        (Limit::Window(60.0, 60.0), Says::Wait, 85.0, 2.0, 4.0),
        (Limit::Window(60.0, 60.0), Says::Nothing, 60.0, 4.0, 8.0),
        (Limit::Window(300.0, 60.0), Says::Left, 90.0, 1.0, 1.0),
        (Limit::Window(300.0, 60.0), Says::Wait, 85.0, 1.0, 4.0),
        (Limit::Window(600.0, 300.0), Says::Left, 90.0, 1.0, 1.0),
        (Limit::Window(20000.0, 86400.0), Says::Left, 2000.0, 1.0, 4.0), // much of it at once
        (Limit::Window(2.0, 1.0), Says::Left, 80.0, 2.0, 4.0),
        (Limit::Bucket(1.0, 1.0), Says::Nothing, 75.0, 2.0, 4.0),
        (Limit::Bucket(2.0, 2.0), Says::Left, 90.0, 1.0, 4.0),
        (Limit::Bucket(2.0, 2.0), Says::Wait, 80.0, 2.0, 4.0),
        (Limit::Bucket(2.0, 100.0), Says::Wait, 90.0, 2.0, 4.0),
        (Limit::Bucket(8.0, 1.0), Says::Nothing, 42.0, 1.0, 8.0),
        (Limit::Bucket(8.0, 8.0), Says::Left, 90.0, 1.0, 2.0), // an edit finds some that were kept for it
        (Limit::Bucket(8.0, 8.0), Says::Nothing, 75.0, 1.0, 2.0),
        (Limit::Bucket(20.0, 20.0), Says::Nothing, 95.0, 0.0, 2.0),
        (Limit::Concurrent(2.0), Says::Wait, 90.0, 1.0, 4.0),
    ];
    for (limit, says, least_used, most_refused, longest) in kinds {
        let Ran { used, refused, edit } = run(limit, says).await;
        let ran = format!("{limit:?} {says:?}: used {used:.0} %, refused {refused:.1} %, edit {edit:.1} / rate");
        println!("{ran}");
        assert!(used >= least_used && refused <= most_refused && edit <= longest, "{ran}");
    }
}
