//! Whether this process leads, and the clock by which it does.

use crate::reconcile::Term;
use std::{future::pending, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The term of this process, if it leads.
pub(super) struct Leadership {
    started: Instant,
    terms: watch::Sender<Option<Term>>,
}

/// Without an election it leads.
impl Default for Leadership {
    fn default() -> Self {
        Self { started: Instant::now(), terms: watch::Sender::new(Some(Term::default())) }
    }
}

impl Leadership {
    /// Time since the process started, on its monotonic clock.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// That time as the runtime's; `None`: never.
    pub(super) fn instant(&self, uptime: Duration) -> Option<Instant> {
        self.started.checked_add(uptime)
    }

    /// The present term; one that has ended, if this process does not lead.
    pub(super) fn term(&self) -> Term {
        self.terms.borrow().unwrap_or(Term::default().ended())
    }

    /// Whether this process leads.
    pub(super) fn leads(&self) -> bool {
        self.term().is_held(self.uptime())
    }

    /// `term` as it was renewed since; one that has ended, if another one has begun.
    pub(super) fn renewed(&self, term: &Term) -> Term {
        let same = self.terms.borrow().filter(|now| now.since == term.since);
        same.unwrap_or(term.ended())
    }

    pub(super) fn set(&self, term: Option<Term>) {
        self.terms.send_if_modified(|now| std::mem::replace(now, term) != term);
    }

    /// Waits for a term.
    pub(super) async fn begins(&self) -> Term {
        let mut terms = self.terms.subscribe();
        loop {
            let term = *terms.borrow_and_update();
            if let Some(term) = term.filter(|term| term.is_held(self.uptime())) {
                return term;
            }
            let _: Result<_, _> = terms.changed().await; // the sender is in `self`
        }
    }

    /// Waits for the end of `term`.
    pub(super) async fn ends(&self, term: &Term) {
        let mut terms = self.terms.subscribe();
        loop {
            terms.mark_unchanged();
            let now = self.renewed(term);
            if !now.is_held(self.uptime()) {
                return;
            }
            let over = async {
                match self.instant(now.ends) {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! { _ = terms.changed() => {}, () = over => {} }
        }
    }
}
