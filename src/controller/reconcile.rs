//! One pass over one resource: ask the decision for the next step, carry it
//! out, let the view absorb the answer, until the pass is over. What is decided
//! stands in `crate::reconcile`; how a step is carried out, in `execute`.

use super::{
    Context,
    cluster::{ClusterError, Object},
    execute::Execution,
    status,
    subject::Subject,
};
use crate::{
    crd::OrganizationSessionPolicyStatus,
    reconcile::{
        ClusterWrite, Fault, FaultKind, Outcome, Report, Requeue, Step, Verdict, View, announcements, next, requeue,
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
pub(super) async fn reconcile(context: &Context, subject: &Subject) -> Result<Requeue, ClusterError> {
    pass(context, subject).await.map(|(_, requeue)| requeue)
}

/// The same; tells also how it ended.
pub(super) async fn pass(context: &Context, subject: &Subject) -> Result<(Outcome, Requeue), ClusterError> {
    let mut execution = Execution::begin(context, subject);
    let outcome = decide_and_do(&mut execution).await?;
    let requeue = finish(context, subject, &mut execution, &outcome).await?;
    Ok((outcome, requeue))
}

/// Says that a pass panicked or ran out of time.
pub(super) async fn report_crash(context: &Context, subject: &Subject, how: &'static str) -> Result<(), ClusterError> {
    let mut execution = Execution::begin(context, subject);
    let read = execution.execute(&Step::ReadResource).await?;
    execution.view.absorb(&Step::ReadResource, read);
    finish(context, subject, &mut execution, &Outcome::Crashed(how)).await.map(|_| ())
}

async fn decide_and_do(execution: &mut Execution<'_>) -> Result<Outcome, ClusterError> {
    for _ in 0..MOST_STEPS {
        match next(&execution.view, Timestamp::now()) {
            Step::Done(outcome) => return Ok(outcome),
            step => {
                let answer = execution.execute(&step).await?;
                execution.view.absorb(&step, answer);
            }
        }
    }
    Ok(Outcome::Crashed("the pass did not come to an end"))
}

pub(super) async fn finish(
    context: &Context,
    subject: &Subject,
    execution: &mut Execution<'_>,
    outcome: &Outcome,
) -> Result<Requeue, ClusterError> {
    log(subject, outcome);
    let view = &execution.view;
    let environment = view.access().map(|access| access.environment.as_str()).unwrap_or_default();
    match outcome {
        _ if got_through(view, outcome) => {
            context.memory.seen(&subject.uid);
            context.got_through(environment, &subject.uid);
        }
        Outcome::Looked(Verdict::Fault(fault)) | Outcome::CleanupPending(fault) => {
            context.memory.unseen(&subject.uid);
            if waits_for_others(fault) {
                context.outages.wait(environment, &subject.uid);
            }
        }
        _ => {}
    }
    context.memory.ended(&subject.uid, outcome);
    let report = Report::after(view, outcome);
    let events = announcements(view, outcome, report.as_ref());
    let requeue = requeue(view, outcome);
    if let Some(report) = &report {
        for _ in 0..STATUS_TRIES {
            if execution.write_status(report).await? != ClusterWrite::Outdated {
                break;
            }
            // somebody else changed it: what this pass saw is true all the same
            execution.read().await?;
        }
    }
    for event in &events {
        context.events.publish(subject, event).await;
    }
    Ok(requeue)
}

/// Whether the pass proved that Scalekit can be reached.
fn got_through(view: &View, outcome: &Outcome) -> bool {
    let fault = match outcome {
        Outcome::Looked(Verdict::Fault(fault)) | Outcome::CleanupPending(fault) => fault,
        _ => return view.sight.organization.is_some() || matches!(outcome, Outcome::Looked(_)),
    };
    matches!(fault.kind, FaultKind::Forbidden | FaultKind::Rejected | FaultKind::Unsupported)
}

/// Whether a success of another resource means that this one would succeed
/// too: only where nobody asked for it, since the environment was known to be
/// down. One that fails by itself must not be woken by everybody's success.
fn waits_for_others(fault: &Fault) -> bool {
    fault.held_back && !matches!(fault.kind, FaultKind::RateLimited { .. })
}

fn log(subject: &Subject, outcome: &Outcome) {
    match outcome {
        Outcome::Gone | Outcome::Looked(Verdict::InSync) => {
            tracing::debug!(resource = %subject, ?outcome, "pass over");
        }
        _ => tracing::info!(resource = %subject, ?outcome, "pass over"),
    }
}

impl Execution<'_> {
    /// Writes the status that says `report`, if that differs in anything but
    /// time from the one that stands.
    pub(super) async fn write_status(&mut self, report: &Report) -> Result<ClusterWrite, ClusterError> {
        let Some(object) = &self.object else { return Ok(ClusterWrite::Gone) };
        let standing = standing(object).unwrap_or_default();
        let status = status::status(report, &standing, Timestamp::now());
        if timeless(&status) == timeless(&standing) {
            return Ok(ClusterWrite::Done);
        }
        let value = serde_json::to_value(&status).map_err(kube::Error::SerdeError)?;
        let written = self.context.cluster.write_status(self.subject, object, &value).await?;
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

fn standing(object: &Object) -> Option<OrganizationSessionPolicyStatus> {
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
        let held_back = |kind| Fault { held_back: true, ..Fault::new(kind) };
        assert!(waits_for_others(&held_back(FaultKind::Unavailable)));
        assert!(!waits_for_others(&Fault::new(FaultKind::Unavailable)), "it failed by itself");
        let limited = FaultKind::RateLimited { retry_after: Duration::from_secs(1) };
        assert!(!waits_for_others(&held_back(limited)), "it has been told when to come back");
    }
}
