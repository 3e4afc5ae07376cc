//! What `/metrics` shows of all resources together, computed when somebody scrapes. Only the leader
//! tells of the resources, so that a sum over all replicas is right.

use super::{
    context::{Context, WORKERS},
    entry::Entry,
};
use crate::{
    reconcile::{ConditionStatus, ConditionType, Lane, Reason},
    telemetry::{CONTROLLER, Gauge, Gauges},
};
use jiff::Timestamp;
use std::{sync::PoisonError, time::Duration};

/// The gauges at present.
pub(super) fn gauges(context: &Context) -> Gauges {
    let mut gauges = Gauges::default();
    let working = WORKERS - context.workers.available_permits().min(WORKERS);
    *gauges.of(Gauge::ActiveWorkers, &[CONTROLLER]) = count(working);
    *gauges.of(Gauge::MaxConcurrentReconciles, &[CONTROLLER]) = count(WORKERS);
    context.credentials.transport.gauges(&mut gauges);
    let (mut oldest, mut longest_due) = (Oldest::default(), Duration::ZERO);
    match context.leadership.leads() {
        true => {
            policies(context, &mut gauges);
            let (now, term) = (context.uptime(), context.leadership.term());
            let records = context.records.lock().unwrap_or_else(PoisonError::into_inner);
            context.queue.gauges(&mut gauges, |uid, lane, due| {
                // who waits for a pause to end does not wait for this operator
                if let Some(due) = due.filter(|due| *due > longest_due)
                    && !context.credentials.transport.is_paused(&context.flow(uid).environment)
                {
                    longest_due = due;
                }
                if context.cache.with(uid, Entry::may_be_ready) == Some(true) {
                    let seen = records.get(uid).and_then(|record| record.history.confirmed_age(now));
                    oldest.add(lane, seen.unwrap_or(now.saturating_sub(term.since)));
                }
            });
            *gauges.of(Gauge::LongestDue, &[]) = longest_due.as_secs_f64();
        }
        false => context.queue.gauges(&mut gauges, |_, _, _| {}),
    }
    for (lane, age) in oldest.0.into_iter().flatten() {
        *gauges.of(Gauge::OldestObservationAge, &[lane.into()]) = age.as_secs_f64();
    }
    gauges
}

/// Of each lane the greatest age.
#[derive(Default)]
struct Oldest([Option<(Lane, Duration)>; 3]);

impl Oldest {
    fn add(&mut self, lane: Lane, age: Duration) {
        let free = self.0.iter_mut().find(|oldest| oldest.is_none_or(|(other, _)| other == lane));
        if let Some(oldest) = free {
            *oldest = Some((lane, oldest.map_or(age, |(_, other)| other.max(age))));
        }
    }
}

fn policies(context: &Context, gauges: &mut Gauges) {
    gauges.of(Gauge::PoliciesLooserThanApplication, &[]);
    let now = Timestamp::now();
    context.cache.for_each(|entry| {
        let (ready, reason) = match entry.condition(ConditionType::Ready) {
            Some((status, reason)) => (status, reason.name()),
            None => (ConditionStatus::Unknown, "None"),
        };
        let mode = entry.mode();
        *gauges.of(Gauge::Policies, &[ready.name(), mode, reason]) += 1.0;
        if let Some(not_ready) = entry.not_ready_for(now) {
            let longest = gauges.of(Gauge::LongestNotReady, &[reason]);
            *longest = longest.max(not_ready.as_secs_f64());
        }
        if matches!(entry.condition(ConditionType::Synced), Some((ConditionStatus::False, _))) {
            *gauges.of(Gauge::PoliciesOutOfSync, &[mode]) += 1.0;
        }
        if matches!(entry.condition(ConditionType::Effective), Some((_, Reason::LooserThanApplication))) {
            *gauges.of(Gauge::PoliciesLooserThanApplication, &[]) += 1.0;
        }
    });
}

/// A count as a value; exact up to 2⁵³.
const fn count(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controller::{cache::Source, context, object::Object},
        reconcile::HistoryEvent,
        telemetry::Metrics,
    };
    use serde_json::json;
    use std::sync::Arc;

    /// A resource of this number, whose conditions have these statuses and reasons.
    fn resource(nth: usize, mode: &str, [ready, synced, effective]: [(&str, &str); 3]) -> Object {
        let condition = |type_: &str, (status, reason): (&str, &str)| {
            json!({"type": type_, "status": status, "reason": reason, "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        serde_json::from_value(json!({
            "metadata": {"namespace": "a", "name": format!("x-{nth}"), "uid": format!("u-{nth}"), "generation": 1,
                "resourceVersion": "7"},
            "spec": {"organization": {"id": format!("org_{nth}")}, "policy": {"policySource": "APPLICATION"}, "mode": mode},
            "status": {"observedGeneration": 1, "claim": "Verified", "environment": "h",
                "organizationId": format!("org_{nth}"), "conditions": [
                    condition("Ready", ready), condition("Synced", synced), condition("Effective", effective)]},
        }))
        .unwrap()
    }

    const IN_SYNC: [(&str, &str); 3] = [("True", "InSync"), ("True", "InSync"), ("True", "AppliesFully")];

    fn with_resources(resources: impl IntoIterator<Item = Object>) -> Arc<Context> {
        let (context, _, first) = context::sample("1");
        context.forget(&first);
        for resource in resources {
            context.observe(&resource, Source::List);
        }
        context
    }

    fn text(context: &Arc<Context>) -> String {
        let (metrics, context) = (Metrics::default(), Arc::clone(context));
        metrics.compute(move || gauges(&context));
        metrics.text(Duration::ZERO)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_shown_of_resources_is_what_their_statuses_say_and_only_by_the_leader() {
        let drifted = [("True", "DriftDetected"), ("False", "DriftDetected"), ("False", "LooserThanApplication")];
        let waits = [("False", "Conflict"), ("Unknown", "Conflict"), ("True", "AppliesFully")];
        let context = with_resources([
            resource(1, "Enforce", IN_SYNC),
            resource(2, "Enforce", IN_SYNC),
            resource(3, "Observe", drifted),
            resource(4, "Enforce", waits),
        ]);
        tokio::time::advance(Duration::from_secs(40)).await;
        let observed = [1, 2, 3].map(|nth| format!("u-{nth}"));
        for uid in &observed {
            context.record(&uid.as_str().into(), [HistoryEvent::Confirmed]);
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        context.record(&observed[0].as_str().into(), [HistoryEvent::Confirmed]);
        tokio::time::advance(Duration::from_secs(2)).await;
        let prefix = "session_policy_operator_";
        let shown = text(&context);
        for line in [
            "policies{ready=\"True\",mode=\"Enforce\",reason=\"InSync\"} 2.0",
            "policies{ready=\"True\",mode=\"Observe\",reason=\"DriftDetected\"} 1.0",
            "policies{ready=\"False\",mode=\"Enforce\",reason=\"Conflict\"} 1.0",
            "policies_out_of_sync{mode=\"Observe\"} 1.0",
            "policies_looser_than_application 1.0",
            "oldest_observation_age_seconds{lane=\"awaited\"} 7.0",
        ] {
            assert!(shown.lines().any(|shown| shown == format!("{prefix}{line}")), "{line} is not in {shown}");
        }
        let longest = |reason: &str| {
            let named = format!("{prefix}longest_not_ready_seconds{{reason=\"{reason}\"}} ");
            shown.lines().find_map(|line| line.strip_prefix(&named)?.parse::<f64>().ok())
        };
        let since = Timestamp::now().as_second() - "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert!(longest("Conflict").is_some_and(|longest| (longest - since as f64).abs() < 60.0), "{shown}");
        assert_eq!(longest("InSync"), None);
        context.leadership.set(None);
        let shown = text(&context);
        assert!(
            !shown.contains("session_policy_operator_policies")
                && !shown.contains("longest_not_ready")
                && shown.contains("workqueue_depth"),
            "{shown}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_is_due_until_its_reconcile_ends_and_what_waits_for_a_pause_does_not_count() {
        let context = with_resources([resource(1, "Enforce", IN_SYNC)]);
        let due = |seconds: u32| {
            let (line, shown) = (format!("session_policy_operator_longest_due_seconds {seconds}.0"), text(&context));
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
        };
        due(0);
        context.queue.add(&"u-1".into());
        tokio::time::advance(Duration::from_secs(1000)).await;
        due(1000); // also if nobody takes it
        let uid = context.queue.get(|uid| context.flow(uid)).await;
        tokio::time::advance(Duration::from_secs(500)).await;
        due(1500);
        context.credentials.transport.pause("h", Duration::from_secs(600));
        due(0);
        tokio::time::advance(Duration::from_secs(700)).await;
        due(2200);
        context.queue.done(&uid, None, crate::reconcile::Lane::Resync);
        due(0);
        context.leadership.set(None);
        assert!(!text(&context).contains("longest_due"), "only the leader works");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scrape_takes_no_memory_that_grows_with_the_resources() {
        let peak = |resources: usize| {
            let context = with_resources((0..resources).map(|nth| resource(nth, "Enforce", IN_SYNC)));
            text(&context);
            allocation_counter::measure(|| drop(text(&context))).bytes_max
        };
        let (few, many) = (peak(10), peak(1000));
        assert!(many < few + 2048 && many < 256 * 1024, "{few} and {many} bytes");
    }

    #[tokio::test]
    #[ignore = "prints what docs/operations.md says of the cost"]
    async fn cost_of_metrics_with_ten_thousand_resources() {
        let context = with_resources((0..10_000).map(|nth| resource(nth, "Enforce", IN_SYNC)));
        let bytes = allocation_counter::measure(|| drop(text(&context))).bytes_max;
        let held = allocation_counter::measure(|| std::mem::forget(Metrics::default())).bytes_current;
        let start = std::time::Instant::now();
        (0..100).for_each(|_| drop(text(&context)));
        let scrape = start.elapsed() / 100;
        let (metrics, start) = (Metrics::default(), std::time::Instant::now());
        for _ in 0..100_000 {
            metrics.queue.added();
            metrics.queue.began(scrape);
            metrics.queue.ended(scrape);
            metrics.reconciles.ended(crate::telemetry::ReconcileResult::Success, scrape);
            (0..2).for_each(|_| metrics.requests.ended("/organizations/{id}/session-policy", "GET", 200, scrape));
        }
        let reconcile = start.elapsed() / 100_000;
        println!("a scrape {scrape:?}, at its peak {bytes} bytes; a reconcile {reconcile:?}; held {held} bytes");
    }
}
