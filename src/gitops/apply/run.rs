//! The passes that write.

use crate::{
    gitops::{
        pass::pass,
        plan::{Change, Entry, Finding, Plan, goal},
        scalekit::Scalekit,
    },
    policy::Live,
    reconcile::{Call, FaultKind, Reason, Sight, Verdict, problem},
    terminal::Progress,
};
use futures::{StreamExt, stream};

/// What became of one organization.
pub(super) struct Done<'a> {
    pub(super) entry: &'a Entry<'a>,
    /// The writes that Scalekit took, in order.
    pub(super) written: Vec<Call>,
    /// Writes of which it is not known.
    pub(super) unknown: bool,
    pub(super) end: End,
}

/// How its pass ended.
pub(super) enum End {
    /// As planned.
    Applied,
    /// It was stopped before it came to its end.
    Stopped,
    /// It is not as it was in the plan.
    Moved,
    /// It can't be made so.
    Problem(Reason, String),
}

/// Makes the changes of `plan`, `at_once` at a time; once Scalekit is asked to
/// stop, no further request is begun.
pub(super) async fn changes<'a>(
    scalekit: &Scalekit,
    plan: &'a Plan<'a>,
    at_once: usize,
    progress: &Progress,
) -> Vec<Done<'a>> {
    let changes = plan.entries.iter().filter_map(|entry| match &entry.finding {
        Finding::Change(change) => Some((entry, change)),
        _ => None,
    });
    let numbered =
        changes.enumerate().map(|(n, (entry, change))| async move { (n, one(scalekit, entry, change).await) });
    let mut passes = stream::iter(numbered).buffer_unordered(at_once);
    let mut done = Vec::new();
    while let Some(pass) = passes.next().await {
        done.push(pass);
        progress.step();
    }
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, done)| done).collect()
}

async fn one<'a>(scalekit: &Scalekit, entry: &'a Entry<'a>, change: &Change) -> Done<'a> {
    let goal = goal(entry.manifest, entry.id.clone(), !scalekit.tells_features());
    let (mut written, mut moved) = (Vec::new(), false);
    let perform = async |call: &Call, sight: &Sight| {
        moved = call.writes() && !planned(call, sight, change);
        if moved || scalekit.stopped() {
            return None;
        }
        let answer = scalekit.ask(call).await;
        if call.writes() && answer.is_ok() {
            written.push(call.clone());
        }
        Some(answer)
    };
    let (sight, verdict) = pass(&goal, perform).await;
    let unknown = sight.may_still_land() || sight.flag.fault.as_ref().is_some_and(|fault| fault.may_have_landed);
    let end = match verdict {
        None if moved => End::Moved,
        None => End::Stopped,
        Some(Verdict::Fault(fault)) if scalekit.stopped() && matches!(fault.kind, FaultKind::RateLimited { .. }) => {
            End::Stopped
        }
        Some(verdict) => end(&verdict, entry, sight.live.as_ref()),
    };
    let unknown = unknown && !matches!(end, End::Applied);
    Done { entry, written, unknown, end }
}

fn end(verdict: &Verdict, entry: &Entry<'_>, live: Option<&Live>) -> End {
    let organization = entry.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let live = live.map(ToString::to_string).unwrap_or_default();
    problem(verdict, &organization, &live).map_or(End::Applied, |(reason, message)| End::Problem(reason, message))
}

/// Whether the plan has this write, and Scalekit is as it was then. What
/// follows a write of our own is the pass's to repeat.
fn planned(call: &Call, sight: &Sight, change: &Change) -> bool {
    match call {
        Call::WriteFeatures { .. } => change.writes.has(call) || sight.flag.refused > 0,
        Call::WritePolicy { .. } if sight.wrote_policy() => change.writes.has(call),
        Call::WritePolicy { .. } => change.before.is_none() || (change.writes.has(call) && sight.live == change.before),
        _ => true,
    }
}
