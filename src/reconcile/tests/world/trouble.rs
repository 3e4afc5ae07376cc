//! What can go wrong with a call, and a script of when.

use super::{Uid, World};
use crate::reconcile::{ErrorKind, RemoteError, RemoteRequest, RemoteResponse};
use std::time::Duration;

/// Which calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Organization,
    ApplicationPolicy,
    ReadPolicy,
    WritePolicy,
    Features,
    Anything,
}

impl On {
    fn is(self, request: &RemoteRequest) -> bool {
        match request {
            RemoteRequest::ReadOrganization(_) | RemoteRequest::LookUp(_) => {
                matches!(self, Self::Organization | Self::Anything)
            }
            RemoteRequest::ReadApplicationPolicy(_) => matches!(self, Self::ApplicationPolicy | Self::Anything),
            RemoteRequest::ReadPolicy(_) => matches!(self, Self::ReadPolicy | Self::Anything),
            RemoteRequest::WritePolicy { .. } => matches!(self, Self::WritePolicy | Self::Anything),
            RemoteRequest::WriteFeatures { .. } => matches!(self, Self::Features | Self::Anything),
        }
    }
}

/// What goes wrong. For a read the last three are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server, or the client before it sends, says so; nothing happened.
    Refused(ErrorKind),
    /// The request never arrived, which nobody knows.
    Lost(ErrorKind),
    /// It was carried out and the response got lost.
    ResponseLost(ErrorKind),
    /// It was given up on and is carried out so much later.
    Late(ErrorKind, Duration),
}

/// Troubles to come: which call, how many of its kind go well before, what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Vec<(On, usize, Trouble)>);

impl Script {
    fn take(&mut self, request: &RemoteRequest) -> Option<Trouble> {
        let due = self.0.iter().position(|(on, before, _)| on.is(request) && *before == 0);
        for (_, before, _) in self.0.iter_mut().filter(|(on, ..)| on.is(request)) {
            *before = before.saturating_sub(1);
        }
        due.map(|i| self.0.remove(i).2)
    }
}

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(10);

impl World {
    /// The call number `nth` (from 0) of this kind goes wrong.
    pub(crate) fn trouble(&mut self, on: On, nth: usize, trouble: Trouble) {
        self.script.0.push((on, nth, trouble));
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.script = Script::default();
        self.scalekit.down = None;
        self.scalekit.breaker_open = false;
        self.watch.silent = false;
    }

    pub(super) fn request(
        &mut self,
        uid: Uid,
        environment: &str,
        request: &RemoteRequest,
    ) -> Result<RemoteResponse, RemoteError> {
        let sent = self.now;
        self.scalekit.by = Some(uid);
        let down = self.scalekit.down.map(Trouble::Refused);
        let (kind, unknown) = match self.script.take(request).or(down) {
            None => return self.serve(environment, request),
            Some(Trouble::Refused(kind)) => (kind, false),
            Some(Trouble::Lost(kind)) => (kind, true),
            Some(Trouble::ResponseLost(kind)) => {
                let _ = self.serve(environment, request);
                (kind, true)
            }
            Some(Trouble::Late(kind, by)) => {
                let at = sent.checked_add(by).unwrap();
                self.scalekit.in_flight.push((at, uid, request.clone()));
                (kind, true)
            }
        };
        if kind == ErrorKind::TimedOut {
            self.advance(DEADLINE);
        }
        let mut error = RemoteError::new(kind);
        error.outcome_unknown = unknown && request.writes();
        error.not_sent = self.scalekit.breaker_open;
        Err(error)
    }
}
