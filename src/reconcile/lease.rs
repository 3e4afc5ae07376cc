//! The right to write, as a lease of the API server gives it to one of several
//! processes (`election` gets it). All times are those of the process's own
//! monotonic clock.

use std::time::Duration;

/// An uninterrupted time in which this process is the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term {
    /// When it began.
    pub since: Duration,
    /// When all work ends, unless the lease is renewed before.
    pub ends: Duration,
    /// Until when nobody else can have become the leader: a write must be over by then.
    pub valid_until: Duration,
    /// Who led before.
    pub predecessor: Predecessor,
}

/// What is known of the one that led before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr)]
pub enum Predecessor {
    /// It gave the lease back when all that it had sent was applied or never will be.
    Settled,
    /// There was no lease, so it is not known whether there was another one.
    Unknown,
    /// It stopped renewing the lease, or gave it back with a write on its way.
    Interrupted,
}

/// Without an election the process leads as long as it runs.
impl Default for Term {
    fn default() -> Self {
        let (since, ends) = (Duration::ZERO, Duration::MAX);
        Self { since, ends, valid_until: ends, predecessor: Predecessor::Unknown }
    }
}

impl Term {
    /// The same term when the process does not lead any more.
    pub fn ended(self) -> Self {
        Self { ends: Duration::ZERO, valid_until: Duration::ZERO, ..self }
    }

    /// Whether the process still leads.
    pub fn is_held(&self, now: Duration) -> bool {
        now < self.ends
    }

    /// Whether a write that takes at most `deadline` may begin: it is over before
    /// anybody else can lead.
    pub fn admits_write(&self, now: Duration, deadline: Duration) -> bool {
        self.is_held(now) && now.saturating_add(deadline) <= self.valid_until
    }

    /// How long a write has to wait for what a leader that was interrupted may have sent,
    /// which is applied within `settle`.
    pub fn unsettled_for(&self, now: Duration, settle: Duration) -> Duration {
        let may_be_sent = self.predecessor == Predecessor::Interrupted;
        if may_be_sent { settle.saturating_sub(now.saturating_sub(self.since)) } else { Duration::ZERO }
    }
}
