//! Which of the reconciles under way only wait for their turn. Nothing of theirs may still be applied,
//! so a shutdown drops them instead of waiting.

use tokio::{sync::watch, task::JoinSet};

/// Counts the reconciles that only wait.
#[derive(Default)]
pub(super) struct Parking {
    parked: watch::Sender<usize>,
}

/// One of them, until it is dropped.
struct Parked<'a>(&'a Parking);

impl Parking {
    /// Waits for `turn`, during which the reconcile may be dropped.
    pub(super) async fn wait<T>(&self, turn: impl Future<Output = T>) -> T {
        self.parked.send_modify(|parked| *parked += 1);
        let _parked = Parked(self);
        turn.await
    }

    /// Waits until all that are still `running` only wait.
    pub(super) async fn drain(&self, running: &mut JoinSet<()>) {
        let mut parked = self.parked.subscribe();
        while running.len() > *parked.borrow_and_update() {
            tokio::select! { _ = running.join_next() => {}, _ = parked.changed() => {} }
        }
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.parked.send_modify(|parked| *parked = parked.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, time::Duration};
    use tokio::time::{Instant, sleep, timeout};

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
        assert_eq!(*parking.parked.borrow(), 0);
        assert!(timeout(SECOND, parking.drain(&mut running)).await.is_ok(), "nothing is left");
    }
}
