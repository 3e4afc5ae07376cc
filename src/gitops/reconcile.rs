//! One pass over one organization, as the operator makes it: the decision is
//! [`next_remote`]'s; who makes the pass says how a call is carried out.

use crate::reconcile::{
    ErrorKind, Goal, Observation, RemoteError, RemoteOutcome, RemoteRequest, RemoteResponse, RemoteStep, next_remote,
    satisfied,
};

/// More steps than any pass needs.
const MOST_STEPS: usize = 64;

/// Makes the pass; what it saw, and how it ended. `perform` carries out one
/// call, or says `None`: no further.
pub(super) async fn reconcile(
    goal: &Goal,
    mut perform: impl AsyncFnMut(&RemoteRequest, &Observation) -> Option<Result<RemoteResponse, RemoteError>>,
) -> (Observation, Option<RemoteOutcome>) {
    let mut observation = Observation::default();
    for _ in 0..MOST_STEPS {
        match next_remote(goal, &observation) {
            RemoteStep::Done(remote_outcome) => return (observation, Some(remote_outcome)),
            RemoteStep::Request(request) => match perform(&request, &observation).await {
                Some(response) => observation.observe(&request, response, |live| satisfied(goal, live)),
                None => return (observation, None),
            },
        }
    }
    (observation, Some(RemoteOutcome::Error(RemoteError::new(ErrorKind::BadResponse))))
}

/// What a server that does as it is told answers to a write.
pub(super) fn simulate(request: &RemoteRequest, observation: &Observation) -> Option<RemoteResponse> {
    match request {
        RemoteRequest::WritePolicy { policy, .. } => Some(RemoteResponse::Policy((*policy).into())),
        RemoteRequest::WriteFeatures { features, .. } => {
            let mut organization = observation.organization.clone()?;
            organization.features.clone_from(features);
            Some(RemoteResponse::Organization(organization))
        }
        _ => None,
    }
}
