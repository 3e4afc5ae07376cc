//! Who goes on after a pause where few requests get through between two: in virtual time, with the real rate limiter.

use super::{
    super::rate_limiter::RateLimiter,
    limited::{Backlog, Limit, REQUESTS, Says, Server},
};
use crate::reconcile::Lane;
use std::time::Duration;
use tokio::time::sleep;

const WINDOW: Duration = Duration::from_secs(60);

/// How many of `resources` are reconciled in so many minutes at a server that allows so many requests in each, and says
/// nothing of it but how long to wait.
async fn reconciled(resources: usize, allowed: usize, minutes: u32) -> usize {
    let server = Server::new(Limit::Window(allowed as f64, WINDOW.as_secs_f64()), Says::Wait);
    let backlog = Backlog::of(resources, Lane::Awaited, &server, &RateLimiter::new(10.0));
    sleep(WINDOW * minutes).await;
    backlog.end()
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
