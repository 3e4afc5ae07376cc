//! A deadline that holds for a process that was stopped, too.

use std::{future::poll_fn, pin::pin, task::Poll};
use tokio::time::{Instant, timeout_at};

/// What `work` results in; `None`: not until `deadline`. Nothing of it is done any
/// more after that time: a process that was stopped for a while, and goes on, first
/// sees that its time is over (a timer of the runtime would let it take one more step).
pub(crate) async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = deadline else { return Some(work.await) };
    let mut work = pin!(timeout_at(deadline, work));
    poll_fn(|context| {
        if Instant::now() >= deadline {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Result::ok)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, time::Duration};

    #[tokio::test(start_paused = true)]
    async fn row_059_what_is_due_after_the_deadline_is_not_begun() {
        let begun = Cell::new(false);
        let work = async { begun.set(true) };
        let deadline = Instant::now() + Duration::from_secs(1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(within(Some(deadline), work).await, None);
        assert!(!begun.get());
        assert_eq!(within(None, async { 1 }).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_ends_at_the_deadline() {
        let deadline = Instant::now() + Duration::from_secs(1);
        let slow = tokio::time::sleep(Duration::from_secs(60));
        assert_eq!(within(Some(deadline), slow).await, None);
        assert_eq!(Instant::now(), deadline);
    }
}
