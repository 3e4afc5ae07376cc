//! How the operator is: what `/livez`, `/readyz` and `/metrics` say.

use super::{
    liveness::Traffic,
    metrics::{CONTENT_TYPE, Metrics},
};
use hyper::{Response, StatusCode, header, header::HeaderValue};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// After so many refusals in a row, without any other response, the operator is not ready.
const REFUSALS_UNTIL_UNREADY: u32 = 5;

/// The state that the probes of the kubelet report; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    /// What may not be watched any more, by namespace.
    refused_watches: Mutex<BTreeSet<String>>,
    ready: AtomicBool,
    refusals: AtomicU32,
    status_refusals: AtomicU32,
    lease_refusals: AtomicU32,
    traffic: Mutex<Traffic>,
    answered: Mutex<Instant>,
    /// The last request to the API server had no response.
    unanswered: AtomicBool,
}

impl Default for Inner {
    fn default() -> Self {
        let (metrics, refused_watches, ready, unanswered) = Default::default();
        let (refusals, status_refusals, lease_refusals) = Default::default();
        let now = Instant::now();
        let (traffic, answered) = (Mutex::new(Traffic::new(now)), Mutex::new(now));
        Self {
            metrics,
            refused_watches,
            ready,
            refusals,
            status_refusals,
            lease_refusals,
            traffic,
            answered,
            unanswered,
        }
    }
}

impl Health {
    /// What `/metrics` shows.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Makes `/readyz` succeed: all resources are listed, and work begins as soon as this process leads.
    pub fn set_ready(&self) {
        self.0.ready.store(true, Ordering::Release);
    }

    /// Records a response of the API server to any request; `refused`: it was a 401 or 403. Returns whether
    /// the one before had none.
    pub fn record_response(&self, refused: bool) -> bool {
        count(&self.0.refusals, refused);
        if !refused {
            *self.0.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        self.0.unanswered.swap(false, Ordering::AcqRel)
    }

    /// Records that a request to the API server had no response; returns whether the one before had one.
    pub fn record_no_response(&self) -> bool {
        !self.0.unanswered.swap(true, Ordering::AcqRel)
    }

    /// Whether the last request to the API server had no response.
    pub fn is_unanswered(&self) -> bool {
        self.0.unanswered.load(Ordering::Acquire)
    }

    /// How long ago the API server last gave a response that was no refusal.
    pub fn since_answer(&self) -> Duration {
        self.0.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Records the response to a write of a status; `refused`: it was a 401 or 403. Counted separately,
    /// since without statuses no other error is reported either.
    pub fn record_status_write(&self, refused: bool) {
        count(&self.0.status_refusals, refused);
        self.0.metrics.status_writes_refused.inc_by(u64::from(refused));
    }

    /// Records the response to a request about the lease; `refused`: it was a 401 or 403. Counted
    /// separately, since whoever has no right to the lease never works.
    pub fn record_lease(&self, refused: bool) {
        count(&self.0.lease_refusals, refused);
    }

    /// Whether this process leads.
    pub fn set_leader(&self, leads: bool) {
        self.0.metrics.leader.set(i64::from(leads));
    }

    /// The API server shows the resources of `namespace`, or has `refused` to with
    /// 401 or 403, whatever it answers about other namespaces; whether that is a
    /// change.
    pub fn answered_list(&self, namespace: &str, refused: bool) -> bool {
        let mut all = self.0.refused_watches.lock().unwrap_or_else(PoisonError::into_inner);
        if refused { all.insert(namespace.to_owned()) } else { all.remove(namespace) }
    }

    /// Records an event or bookmark of a watch, or a page of a list. It does not count as a response that
    /// was not refused: a watch stays open even when the right to it is gone.
    pub fn record_watch_event(&self) {
        self.traffic(|traffic, now| traffic.event = now);
    }

    /// Records that the watch or a list is asked for.
    pub fn record_watch_request(&self) {
        self.traffic(|traffic, now| traffic.asked = now);
    }

    /// Records a response to that, which may be a refusal.
    pub fn record_watch_response(&self) {
        self.traffic(|traffic, now| traffic.answered = now);
    }

    /// Records of any other request whether it was `answered`, perhaps with an error.
    pub fn record_other(&self, answered: bool) {
        self.traffic(|traffic, now| *(if answered { &mut traffic.other } else { &mut traffic.unanswered }) = Some(now));
    }

    fn traffic<T>(&self, with: impl FnOnce(&mut Traffic, Instant) -> T) -> T {
        with(&mut self.0.traffic.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }

    pub(super) fn metrics_text(&self) -> Response<String> {
        let watch_age = self.traffic(|traffic, now| now.duration_since(traffic.event));
        let mut response = Response::new(self.0.metrics.text(watch_age));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response
    }

    pub(super) fn livez(&self) -> (StatusCode, &'static str) {
        self.traffic(|traffic, now| traffic.stuck(now))
            .map_or((StatusCode::OK, "ok"), |why| (StatusCode::SERVICE_UNAVAILABLE, why))
    }

    pub(super) fn readyz(&self) -> (StatusCode, &'static str) {
        if self.0.refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every request (401 or 403)")
        } else if self.0.status_refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every write of a status (401 or 403)")
        } else if self.0.lease_refusals.load(Ordering::Acquire) >= REFUSALS_UNTIL_UNREADY {
            (StatusCode::SERVICE_UNAVAILABLE, "the API server refuses every request about the lease (401 or 403)")
        } else if !self.0.refused_watches.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the API server refuses to show the resources of a namespace; the log names it",
            )
        } else if self.0.ready.load(Ordering::Acquire) {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for the list of resources")
        }
    }
}

/// Counts refusals in a row.
fn count(refusals: &AtomicU32, refused: bool) {
    if refused {
        // does not overflow within a century of one refusal a second
        refusals.fetch_add(1, Ordering::AcqRel);
    } else {
        refusals.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::liveness::LONGEST_SILENCE;

    #[tokio::test(start_paused = true)]
    async fn the_liveness_probe_fails_for_a_dead_watch_beside_requests_that_are_answered_and_for_nothing_else() {
        let health = Health::default();
        let minutes = async |count: u32, answered: bool| {
            for _ in 0..count {
                tokio::time::advance(Duration::from_secs(60)).await;
                health.record_watch_request();
                health.record_other(answered);
            }
        };
        minutes(30, false).await;
        assert_eq!(health.livez().0, StatusCode::OK, "an outage of the API server");
        minutes(6, true).await;
        assert_eq!(health.livez().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_watch_response();
        assert_eq!(health.livez().0, StatusCode::OK, "whatever the response is");
        tokio::time::advance(LONGEST_SILENCE).await;
        assert_eq!(health.livez().0, StatusCode::SERVICE_UNAVAILABLE, "nobody asks for the watch any more");
        health.record_watch_event();
        assert_eq!(health.livez().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_operator_whose_every_request_is_refused_is_not_ready_until_one_is_not() {
        let health = Health::default();
        health.set_ready();
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_response(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "a few of many");
        health.record_response(false);
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_response(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "not in a row");
        health.record_response(true);
        health.record_watch_event();
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_operator_that_can_write_no_status_is_not_ready_whatever_else_is_answered() {
        let health = Health::default();
        health.set_ready();
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_status_write(true);
            health.record_response(false);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "a few of many");
        health.record_status_write(false);
        for _ in 1..REFUSALS_UNTIL_UNREADY {
            health.record_status_write(true);
        }
        assert_eq!(health.readyz().0, StatusCode::OK, "not in a row");
        health.record_status_write(true);
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_status_write(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn row_080_an_operator_that_may_not_have_the_lease_is_not_ready_until_it_may() {
        let health = Health::default();
        health.set_ready();
        for _ in 0..REFUSALS_UNTIL_UNREADY {
            assert_eq!(health.readyz().0, StatusCode::OK);
            health.record_lease(true);
            health.record_response(false);
        }
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE);
        health.record_lease(false);
        assert_eq!(health.readyz().0, StatusCode::OK);
    }

    #[tokio::test]
    async fn row_133_an_operator_that_may_not_see_one_of_its_namespaces_is_not_ready() {
        let health = Health::default();
        health.set_ready();
        assert!(!health.answered_list("a", false) && health.answered_list("b", true));
        assert!(!health.answered_list("b", true), "no change");
        health.record_response(false);
        assert_eq!(health.readyz().0, StatusCode::SERVICE_UNAVAILABLE, "whatever the other one answers");
        assert!(health.answered_list("b", false));
        assert_eq!(health.readyz().0, StatusCode::OK);
    }
}
