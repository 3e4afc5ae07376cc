//! Whether an operator is there that keeps the resources of a namespace, as its Lease says: a status
//! that nobody keeps any more looks as it did.

use super::{age, cluster::Cluster, failure::Failure};
use crate::{
    crd::{LEASE_LABEL, OperatorLease, OrganizationSessionPolicy},
    terminal::{Exit, Output, Style},
};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep};

/// A leader renews its lease every two seconds, so in this time it does.
const LOOK: Duration = Duration::from_secs(4);
const BETWEEN: Duration = Duration::from_millis(500);

/// The operators of a cluster; `None`: the Leases may not be listed, so nothing is known.
#[derive(Debug, Clone)]
pub(crate) struct Operators(Option<Vec<Operator>>);

/// An operator, and whether it is there.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) lease: OperatorLease,
    pub(crate) alive: bool,
}

/// Where to look for the operator of one resource.
pub(super) fn namespace_of(resource: &OrganizationSessionPolicy) -> BTreeSet<&str> {
    BTreeSet::from([resource.metadata.namespace.as_deref().unwrap_or_default()])
}

impl Operators {
    /// Reads the Leases. Where a time in one of `namespaces` says nothing, or of any without them, it is watched for a
    /// moment: an operator that is there renews it.
    pub(crate) async fn read(cluster: &Cluster, namespaces: Option<&BTreeSet<&str>>) -> Result<Self, Failure> {
        let Some(mut leases) = list(cluster).await? else { return Ok(Self(None)) };
        let until = Instant::now() + LOOK;
        let before = unclear(&leases, namespaces, Timestamp::now());
        let renewed = |lease: &OperatorLease| {
            let same = |other: &&OperatorLease| (&other.namespace, &other.name) == (&lease.namespace, &lease.name);
            !lease.holder.is_empty() && before.iter().find(same).is_some_and(|before| before.renewed != lease.renewed)
        };
        while Instant::now() < until {
            let now = Timestamp::now();
            if unclear(&leases, namespaces, now).iter().all(renewed) {
                break;
            }
            sleep(BETWEEN).await;
            leases = list(cluster).await?.unwrap_or_default();
        }
        let alive = |lease: &OperatorLease| renewed(lease) || lease.is_alive(Timestamp::now()) == Some(true);
        Ok(Self(Some(leases.into_iter().map(|lease| Operator { alive: alive(&lease), lease }).collect())))
    }

    /// All; `None`: the Leases may not be listed.
    pub(crate) fn all(&self) -> Option<&[Operator]> {
        self.0.as_deref()
    }

    /// Those that keep a resource in one of `namespaces`: of each namespace the one that is there, or else was seen
    /// last.
    pub(crate) fn of<'a>(&'a self, namespaces: &BTreeSet<&str>) -> Vec<&'a Operator> {
        let all = self.0.as_deref().unwrap_or_default();
        let mut found: Vec<&Operator> = Vec::new();
        for namespace in namespaces {
            let watching = all.iter().filter(|operator| operator.lease.facts.watches(namespace));
            let best = watching.max_by_key(|operator| (operator.alive, operator.lease.renewed));
            found.extend(best.filter(|best| !found.iter().any(|other| std::ptr::eq(*other, *best))));
        }
        found
    }

    /// Success, unless no operator is there for one of `namespaces` where one was.
    pub(super) fn exit(&self, namespaces: &BTreeSet<&str>) -> Exit {
        let dead = self.of(namespaces).iter().any(|operator| !operator.alive);
        if dead { Exit::NotAsDeclared } else { Exit::Success }
    }

    /// The interval of the operator that keeps a resource in one of `namespaces`, if its Lease says it.
    pub(super) fn interval(&self, namespaces: &BTreeSet<&str>) -> Option<Duration> {
        self.of(namespaces).iter().find_map(|operator| operator.lease.facts.interval)
    }

    /// A line for each operator of `namespaces`; nothing if nothing is known.
    pub(super) fn text(&self, namespaces: &BTreeSet<&str>, output: &Output, now: Timestamp) -> String {
        let there = self.of(namespaces).into_iter().filter(|operator| operator.alive);
        let there: String = there.map(|operator| operator.text(output, now)).collect();
        there + &self.missing_text(namespaces, output, now)
    }

    /// The lines of the operators that are not there; without one that is, what is said above may be old.
    pub(super) fn missing_text(&self, namespaces: &BTreeSet<&str>, output: &Output, now: Timestamp) -> String {
        let lines = self.missing(namespaces, now).into_iter();
        lines.map(|line| output.line("", &[(&line, Style::Warning)])).collect()
    }

    /// A sentence for each operator of `namespaces` that is gone, and one for the namespaces that no Lease is of; none
    /// if nothing is known.
    fn missing(&self, namespaces: &BTreeSet<&str>, now: Timestamp) -> Vec<String> {
        let old = |gone: String| format!("{gone} What is above may be old.");
        self.gone(namespaces, now).into_iter().map(old).chain(self.lost(namespaces)).collect()
    }

    /// A sentence for each operator of `namespaces` that was there and is gone.
    pub(super) fn gone(&self, namespaces: &BTreeSet<&str>, now: Timestamp) -> Vec<String> {
        self.of(namespaces).into_iter().filter(|operator| !operator.alive).map(|operator| operator.gone(now)).collect()
    }

    /// Says which of `namespaces` no Lease is of.
    fn lost(&self, namespaces: &BTreeSet<&str>) -> Option<String> {
        let all = self.0.as_ref()?;
        let watched = |namespace: &&str| all.iter().any(|operator| operator.lease.facts.watches(namespace));
        let lost: Vec<&str> = namespaces.iter().copied().filter(|namespace| !watched(namespace)).collect();
        let names = (!lost.is_empty()).then(|| lost.join(", "))?;
        let why = "none runs, or one with --leader-elect=false";
        Some(format!("No Lease of an operator that watches {names} was found: {why}."))
    }

    /// The same for programs.
    pub(crate) fn json(&self, namespaces: Option<&BTreeSet<&str>>, now: Timestamp) -> Value {
        let Some(all) = &self.0 else { return Value::Null };
        let found = namespaces.map_or_else(|| all.iter().collect(), |namespaces| self.of(namespaces));
        found.into_iter().map(|operator| operator.json(now)).collect()
    }
}

/// Those that must be watched to know whether somebody keeps `namespaces`; without them all whose time says nothing.
fn unclear(leases: &[OperatorLease], namespaces: Option<&BTreeSet<&str>>, now: Timestamp) -> Vec<OperatorLease> {
    let kept = |namespace: &str| {
        leases.iter().any(|lease| lease.facts.watches(namespace) && lease.is_alive(now) == Some(true))
    };
    let matters = |lease: &OperatorLease| {
        namespaces.is_none_or(|all| all.iter().any(|namespace| lease.facts.watches(namespace) && !kept(namespace)))
    };
    leases.iter().filter(|lease| lease.is_alive(now).is_none() && matters(lease)).cloned().collect()
}

async fn list(cluster: &Cluster) -> Result<Option<Vec<OperatorLease>>, Failure> {
    let (key, value) = LEASE_LABEL;
    let api: Api<Lease> = Api::all(cluster.client.clone());
    let labelled = ListParams::default().labels(&format!("{key}={value}"));
    match cluster.send("list", true, api.list(&labelled)).await {
        Ok(list) => Ok(list.map(|list| list.items.iter().map(OperatorLease::of).collect())),
        Err(Failure::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Operator {
    fn seen(&self, now: Timestamp) -> String {
        self.lease.seen(now).map_or("never".to_owned(), |seen| format!("{} ago", age::duration(seen)))
    }

    fn gone(&self, now: Timestamp) -> String {
        let OperatorLease { namespace, name, .. } = &self.lease;
        format!("No operator is there: {namespace}/{name} was last seen {}.", self.seen(now))
    }

    fn text(&self, output: &Output, now: Timestamp) -> String {
        let OperatorLease { namespace, name, facts, .. } = &self.lease;
        let (version, seen) = (facts.version.as_deref().unwrap_or("of an unknown version"), self.seen(now));
        let oldest = self.lease.oldest_observation(now);
        let oldest = oldest.map(|age| format!(", oldest observation {}", age::duration(age))).unwrap_or_default();
        output
            .line("", &[(&format!("Operator {version} of {namespace}/{name} last seen {seen}{oldest}."), Style::Plain)])
    }

    fn json(&self, now: Timestamp) -> Value {
        let OperatorLease { namespace, name, holder, renewed, facts, .. } = &self.lease;
        json!({
            "namespace": namespace, "lease": name, "holder": holder, "alive": self.alive, "version": facts.version,
            "watchedNamespaces": facts.namespaces, "lastSeen": renewed.map(|at| at.to_string()),
            "resyncIntervalSeconds": facts.interval.map(|interval| interval.as_secs_f64()),
            "oldestObservationSeconds": self.lease.oldest_observation(now).map(|age| age.as_secs()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::OperatorFacts;

    fn operator(name: &str, watched: Option<&[&str]>, alive: bool, renewed: i64) -> Operator {
        let namespaces = watched.map(|all| all.iter().map(|name| (*name).to_owned()).collect());
        let version = Some("1.2.3".to_owned());
        let at = |second| Timestamp::from_second(second).ok();
        let lease = OperatorLease {
            namespace: "system".into(),
            name: name.into(),
            holder: "pod".into(),
            renewed: at(renewed),
            duration: Duration::from_secs(15),
            facts: OperatorFacts { version, namespaces, interval: None, oldest: at(renewed - 540) },
        };
        Operator { lease, alive }
    }

    fn text(all: Option<Vec<Operator>>, namespaces: &[&str]) -> (String, Exit) {
        let (all, namespaces) = (Operators(all), namespaces.iter().copied().collect());
        let now = Timestamp::from_second(1000).unwrap();
        (all.text(&namespaces, &Output::plain(None), now), all.exit(&namespaces))
    }

    #[test]
    fn a_dead_operator_is_told_from_one_that_is_there() {
        let there = || operator("first", None, true, 997);
        let alive = "Operator 1.2.3 of system/first last seen 3s ago, oldest observation 9m.\n";
        assert_eq!(text(Some(vec![there()]), &["a", "b"]), (alive.to_owned(), Exit::Success));
        let dead = operator("first", None, false, 280);
        let gone = "No operator is there: system/first was last seen 12m ago. What is above may be old.\n";
        assert_eq!(text(Some(vec![dead.clone()]), &["a"]), (gone.to_owned(), Exit::NotAsDeclared));
        let both = text(Some(vec![dead, operator("second", None, true, 997)]), &["a"]);
        let alive = alive.replace("first", "second"); // with its name, so that one of somebody else is noticed
        assert_eq!(both, (alive, Exit::Success), "a Lease that was left behind says nothing");
    }

    #[test]
    fn each_namespace_has_the_operator_that_watches_it() {
        let all = || vec![operator("a", Some(&["a"]), true, 997), operator("b", Some(&["b", "c"]), false, 280)];
        let (said, exit) = text(Some(all()), &["a", "b", "c"]);
        assert_eq!((said.lines().count(), exit), (2, Exit::NotAsDeclared), "{said}");
        assert_eq!(text(Some(all()), &["a"]).1, Exit::Success);
        let (said, exit) = text(Some(all()), &["d"]);
        assert!(said.starts_with("No Lease of an operator that watches d was found"), "{said}");
        assert_eq!(exit, Exit::Success, "one without a lease may be there");
    }

    #[test]
    fn only_a_lease_is_watched_that_decides_whether_somebody_keeps_a_namespace() {
        let leases = [("stale", None, 280), ("here", Some(&["a"][..]), 997), ("other", Some(&["c"][..]), 280)];
        let leases = leases.map(|(name, watched, renewed)| operator(name, watched, true, renewed).lease);
        let now = Timestamp::from_second(1000).unwrap();
        let names = |namespaces: Option<&[&str]>| {
            let namespaces: Option<BTreeSet<&str>> = namespaces.map(|all| all.iter().copied().collect());
            unclear(&leases, namespaces.as_ref(), now).into_iter().map(|lease| lease.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Some(&["a"])), [""; 0], "it is kept, whoever is gone");
        assert_eq!(names(Some(&["a", "b"])), ["stale"]);
        assert_eq!(names(None), ["stale", "other"]);
    }

    #[test]
    fn of_what_may_not_be_read_and_of_no_resources_nothing_is_said() {
        assert_eq!(text(None, &["a"]), (String::new(), Exit::Success));
        assert_eq!(text(Some(Vec::new()), &[]), (String::new(), Exit::Success));
        assert_eq!(Operators(None).json(None, Timestamp::UNIX_EPOCH), Value::Null);
    }
}
