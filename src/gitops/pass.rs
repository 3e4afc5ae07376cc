//! One pass over one organization, as the operator makes it: the decision is
//! [`next_remote`]'s; who makes the pass says how a call is carried out.

use crate::reconcile::{Call, Fault, FaultKind, Goal, RemoteStep, Reply, Sight, Verdict, next_remote, satisfied};

/// More steps than any pass needs.
const MOST_STEPS: usize = 64;

/// Makes the pass; what it saw, and how it ended. `perform` carries out one
/// call, or says `None`: no further.
pub(super) async fn pass(
    goal: &Goal,
    mut perform: impl AsyncFnMut(&Call, &Sight) -> Option<Result<Reply, Fault>>,
) -> (Sight, Option<Verdict>) {
    let mut sight = Sight::default();
    for _ in 0..MOST_STEPS {
        match next_remote(goal, &sight) {
            RemoteStep::Done(verdict) => return (sight, Some(verdict)),
            RemoteStep::Call(call) => match perform(&call, &sight).await {
                Some(answer) => sight.absorb(&call, answer, |live| satisfied(goal, live)),
                None => return (sight, None),
            },
        }
    }
    (sight, Some(Verdict::Fault(Fault::new(FaultKind::BadResponse))))
}

/// What a server that does as it is told answers to a write.
pub(super) fn faithful(call: &Call, sight: &Sight) -> Option<Reply> {
    match call {
        Call::WritePolicy { policy, .. } => Some(Reply::Policy((*policy).into())),
        Call::WriteFeatures { features, .. } => {
            let mut organization = sight.organization.clone()?;
            organization.features.clone_from(features);
            Some(Reply::Organization(organization))
        }
        _ => None,
    }
}
