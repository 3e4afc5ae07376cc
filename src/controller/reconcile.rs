//! One reconcile of one resource: get the next step, carry out its request, let the state handle the
//! response, until it is done; then record, report and requeue. `crate::reconcile` decides on the
//! steps and their order, `effects` carries out the requests.

use super::{context::Context, effects::Effects, entry::Entry, events, kube_api::KubeError, resource_ref::ResourceRef};
use crate::reconcile::{
    ClusterWrite, Crash, Drift, MAX_STEPS, Outcome, RemoteOutcome, Report, Request, Requeue, STATUS_TRIES, State, Step,
    is_told_for_all, next,
};
use jiff::Timestamp;
use std::{sync::PoisonError, time::Duration};
use tracing::Span;

/// The span of the log in which a resource is reconciled. At level error, so that it is there for
/// warnings too where nothing else is logged.
pub(super) fn span(context: &Context, resource: &ResourceRef) -> Span {
    let organization = context.cache.with(&resource.uid, Entry::organization).flatten();
    tracing::error_span!("reconcile", %resource, organization)
}

/// Reconciles a resource; returns the outcome, and when to reconcile it again.
pub(super) async fn reconcile(context: &Context, resource: &ResourceRef) -> Result<(Outcome, Requeue), KubeError> {
    let mut effects = Effects::new(context, resource).await;
    let mut state = context.state(resource);
    let outcome = run(&mut state, &mut effects).await;
    let requeue = finish(&state, &mut effects, &outcome).await?;
    Ok((outcome, requeue))
}

/// Reports in the status that a reconcile panicked.
pub(super) async fn report_crash(context: &Context, resource: &ResourceRef, crash: Crash) -> Result<(), KubeError> {
    let mut effects = Effects::new(context, resource).await;
    let mut state = context.state(resource);
    step(&mut state, &mut effects, &Request::ReadResource { fresh: true }).await?;
    finish(&state, &mut effects, &Outcome::Crashed(crash)).await.map(|_| ())
}

async fn run(state: &mut State, effects: &mut Effects<'_>) -> Outcome {
    for _ in 0..MAX_STEPS {
        state.clock = effects.context.uptime();
        state.term = effects.context.leadership.renewed(&state.term);
        state.falls_behind = falls_behind(effects.context, effects.resource, state.interval());
        match next(state, Timestamp::now()) {
            Step::Done(outcome) => return outcome,
            Step::Request(Request::Remote(request)) if !effects.is_admitted(&request) => {
                if let Some(listed) = effects.listed(state, &request).await {
                    state.handle_response(&Request::Remote(request), listed);
                } else if let Err(response) = effects.admit(state, &request).await {
                    // when it is, the decision is taken again
                    state.handle_response(&Request::Remote(request), response);
                }
            }
            Step::Request(request) => {
                let done = match request {
                    Request::ReadResource { fresh: true } => read(state, effects).await,
                    request => step(state, effects, &request).await,
                };
                if let Err(error) = done {
                    return Outcome::ApiServer(error.to_string());
                }
            }
        }
    }
    Outcome::Crashed(Crash::Endless)
}

/// Whether the resource was due for an interval, in an environment that allows fewer requests than its resources need.
fn falls_behind(context: &Context, resource: &ResourceRef, interval: Duration) -> bool {
    if context.queue.waited(&resource.uid) < interval {
        return false;
    }
    // before the cache, as where it is updated
    let backlogs = context.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
    let grows = |entry: &Entry| entry.environment.as_deref().is_some_and(|environment| backlogs.grows(environment));
    context.cache.with(&resource.uid, grows) == Some(true)
}

/// Reads the resource, and takes in what was edited so far: the decision is taken after it. An older version than the
/// watch has shown may be from before the edit.
async fn read(state: &mut State, effects: &mut Effects<'_>) -> Result<(), KubeError> {
    let (queue, uid) = (&effects.context.queue, &effects.resource.uid);
    let (edited, known) = (queue.take_edit(uid), effects.known_version());
    let read = step(state, effects, &Request::ReadResource { fresh: true }).await;
    if edited && (read.is_err() || effects.version() < known) {
        queue.add_edited(uid);
    }
    read
}

pub(super) async fn step(state: &mut State, effects: &mut Effects<'_>, request: &Request) -> Result<(), KubeError> {
    let response = effects.perform(state, request).await?;
    if !effects.waits_out(&response) {
        state.handle_response(request, response);
    }
    Ok(())
}

/// Records and reports the outcome of a reconcile; returns when to do the next one.
pub(super) async fn finish(state: &State, effects: &mut Effects<'_>, outcome: &Outcome) -> Result<Requeue, KubeError> {
    let (context, resource) = (effects.context, effects.resource);
    log(context, resource, state, outcome);
    let report = Report::of(state, outcome);
    if let Some(drift) = report.drift {
        context.kube.health.metrics().reconciles.drift(drift == Drift::Corrected);
    }
    context.record(&resource.uid, report.history);
    context.record_outcome(&resource.uid, state, outcome);
    if let Some(environment) = &report.merges {
        context.merging.record(environment);
    }
    if let Some(other) = &report.contests {
        context.contest(other);
    }
    if let Some(update) = &report.update {
        for _ in 0..STATUS_TRIES {
            if effects.write_status(update).await? != ClusterWrite::Outdated {
                break;
            }
            // somebody else changed the object; what this reconcile observed at Scalekit is still true
            effects.read().await?;
        }
    }
    for event in report.events.iter().filter(|event| context.publishes(&resource.uid, event)) {
        events::publish(&context.kube.client, resource, event).await;
    }
    Ok(report.requeue)
}

fn log(context: &Context, resource: &ResourceRef, state: &State, outcome: &Outcome) {
    let (name, error) = (outcome.name(), outcome.error());
    let is_news = context.with_record(&resource.uid, |record| match outcome {
        Outcome::Gone | Outcome::Reconciled(RemoteOutcome::InSync) => record.logged.reset(),
        // the log has told it once, for all resources
        Outcome::ApiServer(_) if context.kube.health.is_unanswered() => false,
        _ if is_told_for_all(state, outcome) => false,
        _ => record.logged.is_news(name),
    });
    if is_news {
        tracing::info!(outcome = name, error, "reconciled");
    } else {
        tracing::debug!(outcome = name, error, "reconciled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{apiserver, controller::context::sample};
    use serde_json::json;
    use std::sync::{Arc, OnceLock};

    /// An API server that has this resource and nothing else, to which somebody's edit comes before the first write
    /// of its status.
    fn edited_during_the_first_write(context: &Arc<OnceLock<Arc<Context>>>, resource: &str) -> kube::Client {
        let (context, resource) = (Arc::clone(context), resource.to_owned());
        apiserver::sample(move |method, path| {
            let refused = |reason, code| {
                (code, json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code}).to_string())
            };
            let edited = |context: &Arc<Context>| context.queue.is_edited(&"1".into());
            match context.get() {
                _ if !path.contains("organizationsessionpolicies") => refused("NotFound", 404),
                Some(context) if method != "GET" && !edited(context) => {
                    context.queue.add_edited(&"1".into());
                    refused("Conflict", 409)
                }
                _ => (200, resource.clone()),
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_comes_while_the_status_is_written_is_reconciled_after_it() {
        let (mut context, _, uid) = sample("1");
        let shared = Arc::new(OnceLock::new());
        let resource = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "1", "resourceVersion": "1"},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
        })
        .to_string();
        Arc::get_mut(&mut context).unwrap().kube.client = edited_during_the_first_write(&shared, &resource);
        shared.set(Arc::clone(&context)).ok().unwrap();
        context.queue.add_edited(&uid);
        assert_eq!(context.queue.get(|uid| context.flow(uid)).await, uid);
        let resource = context.cache.with(&uid, |entry| entry.resource.clone()).unwrap();
        let (outcome, _) = reconcile(&context, &resource).await.unwrap();
        assert!(matches!(outcome, Outcome::Credentials(_)), "{outcome:?}");
        context.queue.done(&uid, None, crate::reconcile::Lane::Resync);
        let next = tokio::time::timeout(Duration::from_secs(5), context.queue.get(|uid| context.flow(uid)));
        assert_eq!(next.await, Ok(uid));
    }
}
