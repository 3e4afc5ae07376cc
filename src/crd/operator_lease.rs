//! What an operator says of itself in its Lease, beside who holds it: written with the ordinary
//! renewals, so that others see that it is alive without one write per resource.

use super::duration;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use std::time::Duration;

/// The label by which the Leases of operators are found in all namespaces: its key and value.
pub const LEASE_LABEL: (&str, &str) = ("app.kubernetes.io/name", "session-policy-operator");

const VERSION: &str = "scalekit.com/operator-version";
const SCOPE: &str = "scalekit.com/watched-namespaces";
const INTERVAL: &str = "scalekit.com/resync-interval";
const OLDEST: &str = "scalekit.com/oldest-observation";
/// The scope of an operator that watches all namespaces.
const ALL: &str = "*";
/// No operator's Lease is for longer, since no `--request-timeout` is. Who may write Leases somewhere could else have one by
/// which an operator seems to be there for years.
const LONGEST: Duration = Duration::from_secs(5 * 60 + 10);

/// What an operator says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorFacts {
    /// Its version.
    pub version: Option<String>,
    /// The namespaces that it watches; `None` if it watches all.
    pub namespaces: Option<Vec<String>>,
    /// The time between two reconciles of a resource that sets no interval.
    pub interval: Option<Duration>,
    /// Of the resources at rest, when the one was read from Scalekit whose last read is longest ago, by the
    /// operator's clock; `None`: not known, or there are none.
    pub oldest: Option<Timestamp>,
}

impl OperatorFacts {
    /// Sets the label and the annotations of `lease`; removes what is not known.
    pub fn write(&self, lease: &mut Lease) {
        lease.labels_mut().insert(LEASE_LABEL.0.into(), LEASE_LABEL.1.into());
        let oldest = self.oldest.map(|at| floor(at).to_string());
        let scope = self.namespaces.as_ref().map_or(ALL.to_owned(), |all| all.join(","));
        for (key, value) in [
            (VERSION, self.version.clone()),
            (SCOPE, Some(scope)),
            (INTERVAL, self.interval.map(written)),
            (OLDEST, oldest),
        ] {
            match value {
                Some(value) => drop(lease.annotations_mut().insert(key.into(), value)),
                None => drop(lease.annotations_mut().remove(key)),
            }
        }
    }

    /// What `lease` says.
    pub fn read(lease: &Lease) -> Self {
        let annotation = |key: &str| lease.annotations().get(key).filter(|value| !value.is_empty());
        let split = |scope: &String| scope.split(',').map(str::to_owned).collect();
        Self {
            version: annotation(VERSION).cloned(),
            namespaces: annotation(SCOPE).filter(|scope| *scope != ALL).map(split),
            interval: annotation(INTERVAL).and_then(|interval| duration(interval).ok()),
            oldest: annotation(OLDEST).and_then(|at| at.parse().ok()),
        }
    }

    /// Whether the operator watches `namespace`.
    pub fn watches(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|all| all.iter().any(|watched| watched == namespace))
    }

    /// Whether the operator watches a namespace that `other` watches too.
    pub fn shares(&self, other: &Self) -> bool {
        match (&self.namespaces, &other.namespaces) {
            (Some(all), Some(_)) => all.iter().any(|namespace| other.watches(namespace)),
            _ => true,
        }
    }
}

/// In whole seconds, so that it changes only when something was read.
fn floor(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor)).unwrap_or(at)
}

/// In the one largest unit that has no fraction.
fn written(interval: Duration) -> String {
    match (interval.subsec_millis(), interval.as_secs()) {
        (0, seconds) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (0, seconds) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (0, seconds) => format!("{seconds}s"),
        _ => format!("{}ms", interval.as_millis()),
    }
}

/// The Lease of an operator, for those who want to know whether one is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorLease {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// When it was renewed last, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// How long others wait for it to be renewed.
    pub duration: Duration,
    /// What the operator says of itself.
    pub facts: OperatorFacts,
}

impl OperatorLease {
    /// The Lease as it was read.
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            namespace: lease.namespace().unwrap_or_default(),
            name: lease.name_any(),
            holder: spec.holder_identity.unwrap_or_default(),
            renewed: spec.renew_time.map(|time| time.0),
            duration: Duration::from_secs(seconds.unwrap_or_default()).min(LONGEST),
            facts: OperatorFacts::read(lease),
        }
    }

    /// How long ago the operator was seen, at `now`; zero where its clock is ahead.
    pub fn seen(&self, now: Timestamp) -> Option<Duration> {
        self.renewed.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default())
    }

    /// Whether the operator is there, by the clock of the reader: somebody holds the Lease and has renewed it in
    /// time. `None` if only a look at whether it is renewed can tell: it is over, or the clocks differ.
    pub fn is_alive(&self, now: Timestamp) -> Option<bool> {
        let Some(at) = self.renewed.filter(|_| !self.holder.is_empty()) else { return Some(false) };
        let skew = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let fresh = self.seen(now).is_some_and(|seen| seen <= self.duration);
        (fresh && skew <= self.duration).then_some(true)
    }

    /// The age of the oldest observation at `now`. It is counted by the operator's clock up to the renewal, and by
    /// the reader's from then on.
    pub fn oldest_observation(&self, now: Timestamp) -> Option<Duration> {
        let then = Duration::try_from(self.renewed?.duration_since(self.facts.oldest?)).unwrap_or_default();
        Some(then.saturating_add(self.seen(now)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lease(holder: &str, renewed: i64) -> Lease {
        let renewed = at(renewed).to_string();
        serde_json::from_value(json!({
            "metadata": {"name": "l", "namespace": "n", "annotations": {"example.com/own": "kept", OLDEST: "old"}},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed},
        }))
        .unwrap()
    }

    fn facts() -> OperatorFacts {
        OperatorFacts {
            version: Some("1.2.3".into()),
            namespaces: Some(vec!["a".into(), "b".into()]),
            interval: Some(Duration::from_secs(600)),
            oldest: Some(at(460)),
        }
    }

    #[test]
    fn what_is_written_into_a_lease_is_read_from_it_and_what_others_added_stays() {
        let mut written = lease("me", 1000);
        facts().write(&mut written);
        assert_eq!(OperatorFacts::read(&written), facts());
        assert_eq!(written.annotations()["example.com/own"], "kept");
        assert_eq!((&*written.annotations()[INTERVAL], &*written.annotations()[SCOPE]), ("10m", "a,b"));
        let all = OperatorFacts { namespaces: None, oldest: None, ..facts() };
        all.write(&mut written);
        assert_eq!(OperatorFacts::read(&written), all);
        assert_eq!(written.annotations().get(OLDEST), None, "what is not known any more is not there");
        assert_eq!(OperatorFacts::read(&lease("", 0)), OperatorFacts::default(), "of another version");
    }

    #[test]
    fn an_interval_is_written_as_people_write_it_and_never_rounded() {
        for (text, milliseconds) in [("1h", 3_600_000), ("90m", 5_400_000), ("45s", 45_000), ("1500ms", 1500)] {
            assert_eq!(written(Duration::from_millis(milliseconds)), text);
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
        }
    }

    #[test]
    fn an_operator_watches_all_namespaces_or_those_that_it_names() {
        assert!(facts().watches("a") && facts().watches("b") && !facts().watches("ab") && !facts().watches("*"));
        assert!(OperatorFacts::default().watches("any"));
    }

    #[test]
    fn an_operator_is_alive_while_its_lease_is_and_dead_ones_and_other_clocks_need_a_second_look() {
        let alive = |holder, renewed, now| OperatorLease::of(&lease(holder, renewed)).is_alive(at(now));
        assert_eq!([alive("me", 1000, 1000), alive("me", 1000, 1015)], [Some(true); 2]);
        assert_eq!(alive("", 1000, 1000), Some(false), "it gave it back");
        assert_eq!(alive("me", 1000, 1016), None, "it is over, or the reader's clock is ahead");
        assert_eq!(alive("me", 1000, 900), None, "the reader's clock is behind");
        assert_eq!(alive("me", 1003, 1000), Some(true), "clocks are never the same");
    }

    #[test]
    fn a_lease_that_says_it_is_for_years_or_renewed_in_years_needs_a_second_look() {
        for renewed in [1000, 1_000_000_000] {
            let mut forged = lease("me", renewed);
            forged.spec.as_mut().unwrap().lease_duration_seconds = Some(i32::MAX);
            assert_eq!(OperatorLease::of(&forged).is_alive(at(2000)), None);
        }
    }

    #[test]
    fn the_age_of_an_observation_needs_no_clock_that_is_set_as_the_operators() {
        let mut written = lease("me", 1000);
        facts().write(&mut written);
        let lease = OperatorLease::of(&written);
        assert_eq!(lease.oldest_observation(at(1003)), Some(Duration::from_secs(543)));
        assert_eq!(lease.oldest_observation(at(900)), Some(Duration::from_secs(540)), "a clock that is behind");
        assert_eq!(OperatorLease::of(&self::lease("me", 1000)).oldest_observation(at(1003)), None);
    }
}
