//! Which of the reconciles under way only wait for their turn. Nothing of theirs may still be applied,
//! so a shutdown drops them instead of waiting.

use std::future::pending;
use tokio::{sync::watch, task::JoinSet};

/// Counts the reconciles that only wait.
#[derive(Default)]
pub(super) struct Parking {
    waiting: watch::Sender<Waiting>,
}

#[derive(Default)]
struct Waiting {
    count: usize,
    /// From now on all of them are dropped, also those whose turn comes meanwhile.
    for_good: bool,
}

/// One of them, until it is dropped.
struct Parked<'a>(&'a Parking);

impl Parking {
    /// Waits for `turn`, during which the reconcile may be dropped.
    pub(super) async fn wait<T>(&self, turn: impl Future<Output = T>) -> T {
        self.waiting.send_modify(|waiting| waiting.count += 1);
        let parked = Parked(self);
        let turn = turn.await;
        if !parked.leaves() {
            pending::<()>().await;
        }
        turn
    }

    /// Waits until all that are still `running` only wait. None of them goes on afterwards.
    pub(super) async fn drain(&self, running: &mut JoinSet<()>) {
        let mut changes = self.waiting.subscribe();
        loop {
            changes.mark_unchanged();
            let mut all_wait = false;
            self.waiting.send_if_modified(|waiting| {
                all_wait = waiting.count >= running.len();
                waiting.for_good = all_wait;
                false
            });
            if all_wait {
                return;
            }
            tokio::select! { _ = running.join_next() => {}, _ = changes.changed() => {} }
        }
    }
}

impl Parked<'_> {
    /// Whether the reconcile may go on; then it is not counted any more.
    fn leaves(self) -> bool {
        let leaves = self.0.waiting.send_if_modified(|waiting| {
            waiting.count = waiting.count.saturating_sub(usize::from(!waiting.for_good));
            !waiting.for_good
        });
        std::mem::forget(self);
        leaves
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| waiting.count = waiting.count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, time::Duration};
    use tokio::{
        sync::oneshot,
        time::{Instant, sleep, timeout},
    };

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_waits_for_what_is_under_way_and_not_for_what_waits_for_its_turn() {
        let (parking, mut running) = (Arc::new(Parking::default()), JoinSet::new());
        for wait in [SECOND * 3600, SECOND * 3, SECOND * 7200] {
            let parking = Arc::clone(&parking);
            running.spawn(async move {
                parking.wait(sleep(wait)).await;
                sleep(SECOND * 4).await; // a request
            });
        }
        sleep(SECOND * 5).await; // two wait, one has sent its request
        let start = Instant::now();
        parking.drain(&mut running).await;
        assert_eq!((start.elapsed(), running.len()), (SECOND * 2, 2));
        running.shutdown().await;
        assert_eq!(parking.waiting.borrow().count, 0);
        assert!(timeout(SECOND, parking.drain(&mut running)).await.is_ok(), "nothing is left");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gets_its_turn_when_a_shutdown_is_about_to_drop_it_sends_nothing() {
        let (parking, mut running) = (Arc::new(Parking::default()), JoinSet::new());
        let (turn, comes) = oneshot::channel::<()>();
        let (sends, sent) = oneshot::channel();
        let waiting = Arc::clone(&parking);
        running.spawn(async move {
            drop(waiting.wait(comes).await);
            sends.send("a write").unwrap();
        });
        parking.drain(&mut running).await;
        turn.send(()).unwrap();
        assert!(timeout(SECOND, sent).await.is_err(), "its write would be on the way when it is dropped");
    }
}
