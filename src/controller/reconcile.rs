//! One pass over one resource: ask the decision for the next step, carry it
//! out, let the view absorb the answer, until the pass is over. What is decided
//! stands in `crate::reconcile`; how a step is carried out, in `execute`.

use super::{
    Context,
    cluster::{ClusterError, Object},
    execute::Execution,
    resource_ref::ResourceRef,
    status,
};
use crate::{
    crd::OrganizationSessionPolicyStatus,
    reconcile::{
        ClusterWrite, ErrorKind, Outcome, RemoteError, RemoteOutcome, Request, Requeue, State, StatusUpdate, Step,
        events, next, requeue,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// More steps than any pass needs; a decision that goes round in circles ends
/// here instead of hammering Scalekit.
const MOST_STEPS: usize = 64;
/// How often the last status of a pass is written when others keep changing
/// the resource.
const STATUS_TRIES: usize = 4;

/// Makes one pass; tells when to look again.
pub(super) async fn reconcile(context: &Context, reference: &ResourceRef) -> Result<Requeue, ClusterError> {
    pass(context, reference).await.map(|(_, requeue)| requeue)
}

/// The same; tells also how it ended.
pub(super) async fn pass(context: &Context, reference: &ResourceRef) -> Result<(Outcome, Requeue), ClusterError> {
    let mut execution = Execution::begin(context, reference);
    let outcome = decide_and_do(&mut execution).await?;
    let requeue = finish(context, reference, &mut execution, &outcome).await?;
    Ok((outcome, requeue))
}

/// Says that a pass panicked or ran out of time.
pub(super) async fn report_crash(
    context: &Context,
    reference: &ResourceRef,
    how: &'static str,
) -> Result<(), ClusterError> {
    let mut execution = Execution::begin(context, reference);
    let read = execution.execute(&Request::ReadResource).await?;
    execution.state.handle_response(&Request::ReadResource, read);
    finish(context, reference, &mut execution, &Outcome::Crashed(how)).await.map(|_| ())
}

async fn decide_and_do(execution: &mut Execution<'_>) -> Result<Outcome, ClusterError> {
    for _ in 0..MOST_STEPS {
        match next(&execution.state, Timestamp::now()) {
            Step::Done(outcome) => return Ok(outcome),
            Step::Request(request) => {
                let response = execution.execute(&request).await?;
                execution.state.handle_response(&request, response);
            }
        }
    }
    Ok(Outcome::Crashed("the pass did not come to an end"))
}

pub(super) async fn finish(
    context: &Context,
    reference: &ResourceRef,
    execution: &mut Execution<'_>,
    outcome: &Outcome,
) -> Result<Requeue, ClusterError> {
    log(reference, outcome);
    let state = &execution.state;
    let environment = state.access().map(|access| access.environment.as_str()).unwrap_or_default();
    match outcome {
        _ if got_through(state, outcome) => {
            context.memory.observed(&reference.uid);
            context.got_through(environment, &reference.uid);
        }
        Outcome::Reconciled(RemoteOutcome::Error(error)) | Outcome::CleanupPending(error) => {
            context.memory.unseen(&reference.uid);
            if waits_for_others(error) {
                context.outages.wait(environment, &reference.uid);
            }
        }
        _ => {}
    }
    context.memory.ended(&reference.uid, outcome);
    let update = StatusUpdate::after(state, outcome);
    let events = events(state, outcome, update.as_ref());
    let requeue = requeue(state, outcome);
    if let Some(update) = &update {
        for _ in 0..STATUS_TRIES {
            if execution.write_status(update).await? != ClusterWrite::Outdated {
                break;
            }
            // somebody else changed it: what this pass saw is true all the same
            execution.read().await?;
        }
    }
    for event in &events {
        context.events.publish(reference, event).await;
    }
    Ok(requeue)
}

/// Whether the pass proved that Scalekit can be reached.
fn got_through(state: &State, outcome: &Outcome) -> bool {
    let error = match outcome {
        Outcome::Reconciled(RemoteOutcome::Error(error)) | Outcome::CleanupPending(error) => error,
        _ => return state.observation.organization.is_some() || matches!(outcome, Outcome::Reconciled(_)),
    };
    matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Rejected | ErrorKind::Unsupported)
}

/// Whether a success of another resource means that this one would succeed
/// too: only where nobody asked for it, since the environment was known to be
/// down. One that fails by itself must not be woken by everybody's success.
fn waits_for_others(error: &RemoteError) -> bool {
    error.not_sent && !matches!(error.kind, ErrorKind::RateLimited { .. })
}

fn log(reference: &ResourceRef, outcome: &Outcome) {
    match outcome {
        Outcome::Gone | Outcome::Reconciled(RemoteOutcome::InSync) => {
            tracing::debug!(resource = %reference, ?outcome, "pass over");
        }
        _ => tracing::info!(resource = %reference, ?outcome, "pass over"),
    }
}

impl Execution<'_> {
    /// Writes the status that says `update`, if that differs in anything but
    /// time from the one that stands.
    pub(super) async fn write_status(&mut self, update: &StatusUpdate) -> Result<ClusterWrite, ClusterError> {
        let Some(object) = &self.object else { return Ok(ClusterWrite::Gone) };
        let current = current(object).unwrap_or_default();
        let status = status::status(update, &current, Timestamp::now());
        if timeless(&status) == timeless(&current) {
            return Ok(ClusterWrite::Done);
        }
        let value = serde_json::to_value(&status).map_err(kube::Error::SerdeError)?;
        let written = self.context.cluster.write_status(self.reference, object, &value).await?;
        Ok(self.became(written))
    }

    /// Keeps the object as it is after a write.
    pub(super) fn became(&mut self, written: Result<Object, ClusterWrite>) -> ClusterWrite {
        match written {
            Ok(object) => {
                self.object = Some(object);
                ClusterWrite::Done
            }
            Err(write) => write,
        }
    }
}

fn current(object: &Object) -> Option<OrganizationSessionPolicyStatus> {
    object.0.as_ref().ok()?.status.clone()
}

fn timeless(status: &OrganizationSessionPolicyStatus) -> OrganizationSessionPolicyStatus {
    let mut status = status.clone();
    for condition in &mut status.conditions {
        condition.last_transition_time = Time(Timestamp::UNIX_EPOCH);
    }
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn row_084_only_who_was_held_back_is_woken_by_the_success_of_others() {
        let not_sent = |kind| RemoteError { not_sent: true, ..RemoteError::new(kind) };
        assert!(waits_for_others(&not_sent(ErrorKind::Unavailable)));
        assert!(!waits_for_others(&RemoteError::new(ErrorKind::Unavailable)), "it failed by itself");
        let limited = ErrorKind::RateLimited { retry_after: Duration::from_secs(1) };
        assert!(!waits_for_others(&not_sent(limited)), "it has been told when to come back");
    }
}
