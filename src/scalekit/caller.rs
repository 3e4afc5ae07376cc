//! On whose behalf a request is sent, and so when.

use crate::reconcile::Lane;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// On whose behalf a request is sent.
#[derive(Debug, Clone)]
pub struct Caller {
    /// How soon it is to be done.
    pub lane: Lane,
    /// The namespace; those of a lane get permits alternately.
    pub flow: Arc<str>,
    /// It comes before all others: what it follows on gets too old else.
    pub first: bool,
    /// When its reconcile began, on any one clock: of those that wait in a lane and flow the oldest goes on first, so that
    /// what was begun is finished.
    pub began: Duration,
    /// Nothing is sent later: another process may have the right to write then.
    pub until: Option<Instant>,
    /// Identifies the request in the log.
    pub request: u64,
}

impl Caller {
    /// Whether it comes before what nobody waits for.
    pub(super) fn is_awaited(&self) -> bool {
        self.first || self.lane == Lane::Awaited
    }
}

impl Default for Caller {
    fn default() -> Self {
        Self { lane: Lane::Awaited, flow: "".into(), first: false, began: Duration::ZERO, until: None, request: 0 }
    }
}
