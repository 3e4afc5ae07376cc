//! What can go wrong with a call, and a script of when.

use super::{Uid, World};
use crate::reconcile::{Call, Fault, FaultKind, Reply};
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
    fn is(self, call: &Call) -> bool {
        match call {
            Call::ReadOrganization(_) | Call::LookUp(_) => matches!(self, Self::Organization | Self::Anything),
            Call::ReadApplicationPolicy(_) => matches!(self, Self::ApplicationPolicy | Self::Anything),
            Call::ReadPolicy(_) => matches!(self, Self::ReadPolicy | Self::Anything),
            Call::WritePolicy { .. } => matches!(self, Self::WritePolicy | Self::Anything),
            Call::WriteFeatures { .. } => matches!(self, Self::Features | Self::Anything),
        }
    }
}

/// What goes wrong. For a read the last three are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server, or the client before it sends, says so; nothing happened.
    Refused(FaultKind),
    /// The request never arrived, which nobody knows.
    Lost(FaultKind),
    /// It was carried out and the response got lost.
    ResponseLost(FaultKind),
    /// It was given up on and is carried out so much later.
    Late(FaultKind, Duration),
}

/// Troubles to come: which call, how many of its kind go well before, what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Vec<(On, usize, Trouble)>);

impl Script {
    fn take(&mut self, call: &Call) -> Option<Trouble> {
        let due = self.0.iter().position(|(on, before, _)| on.is(call) && *before == 0);
        for (_, before, _) in self.0.iter_mut().filter(|(on, ..)| on.is(call)) {
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
    }

    pub(super) fn call(&mut self, uid: Uid, environment: &str, call: &Call) -> Result<Reply, Fault> {
        let sent = self.now;
        let down = self.scalekit.down.map(Trouble::Refused);
        let (kind, unknown) = match self.script.take(call).or(down) {
            None => return self.serve(environment, call),
            Some(Trouble::Refused(kind)) => (kind, false),
            Some(Trouble::Lost(kind)) => (kind, true),
            Some(Trouble::ResponseLost(kind)) => {
                let _ = self.serve(environment, call);
                (kind, true)
            }
            Some(Trouble::Late(kind, by)) => {
                let at = sent.checked_add(by).unwrap();
                self.scalekit.in_flight.push((at, uid, call.clone()));
                (kind, true)
            }
        };
        if kind == FaultKind::TimedOut {
            self.advance(DEADLINE);
        }
        let mut fault = Fault::new(kind);
        fault.may_have_landed = unknown && call.writes();
        if fault.may_have_landed && matches!(call, Call::WritePolicy { .. }) {
            self.memory.get_mut(&uid).unwrap().unknown_write = Some(sent);
        }
        Err(fault)
    }
}
