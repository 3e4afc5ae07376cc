//! The checks of the operators that run, by their Leases.

use super::report::Check;
use crate::{
    crd,
    plugin::{Cluster, Failure, Operator, Operators},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who holds the Leases: of `--namespace`, or all.
pub(super) async fn checks(cluster: &Cluster) -> Vec<Check> {
    let operators = match read(cluster).await {
        Ok(operators) => operators,
        Err(error) => return vec![Check::failed("operator", error.to_string(), "")],
    };
    let Some(all) = operators.all() else {
        let hint = "a ClusterRole with list of leases in coordination.k8s.io allows it";
        return vec![Check::warning("operator", "not known: you may not list Leases", hint)];
    };
    let found: Vec<&Operator> = all.iter().filter(|operator| works_here(cluster, operator)).collect();
    // with a namespace one is enough; but whoever may write Leases in another one can make it look as if there were one
    let enough = !cluster.scope().is_empty() && found.iter().any(|operator| operator.alive);
    let now = Timestamp::now();
    let mut checks = Vec::new();
    for operator in &found {
        let (lease, facts) = (&operator.lease, &operator.lease.facts);
        let name = format!("{}/{}", lease.namespace, lease.name);
        if !operator.alive {
            let hint =
                format!("kubectl -n {} get pods,lease; a Lease that was left behind can be deleted", lease.namespace);
            let seen =
                lease.seen(now).map_or("never seen".to_owned(), |seen| format!("last seen {} s ago", seen.as_secs()));
            let message = format!("nobody holds {name}, {seen}");
            checks.push(match enough {
                true => Check::warning("operator", message, hint),
                false => Check::failed("operator", message, hint),
            });
            continue;
        }
        let version = facts.version.as_deref().unwrap_or("unknown");
        checks.push(Check::good("operator", format!("{} holds {name}", lease.holder)));
        checks.push(if version == VERSION {
            Check::good("operator-version", format!("operator and osp are {VERSION}"))
        } else {
            let message = format!("the operator is {version}, this osp is {VERSION}");
            Check::warning("operator-version", message, "use the same version of both")
        });
        checks.extend(freshness(lease, now));
    }
    if checks.is_empty() {
        let hint = "install it as docs/install.md says; one with --leader-elect=false has no Lease and can't be seen";
        let message = match cluster.scope() {
            "" => "there is no Lease of an operator".to_owned(),
            namespace => format!("there is no Lease of an operator that watches {namespace}"),
        };
        checks.push(Check::failed("operator", message, hint));
    }
    checks.extend(rivals(&found));
    checks
}

/// Before an install: an operator that is there and works for `--namespace`, or for any.
pub(super) async fn before(cluster: &Cluster) -> Option<Check> {
    let operators = read(cluster).await.ok()?;
    let lease = &operators.all()?.iter().find(|operator| operator.alive && works_here(cluster, operator))?.lease;
    let watched = lease.facts.namespaces.as_ref().map_or("all namespaces".to_owned(), |all| all.join(", "));
    let message = format!("the holder of {}/{} works for {watched} already", lease.namespace, lease.name);
    let hint = "upgrade that release; another one needs namespaces of its own, watchNamespaces in the chart";
    Some(Check::warning("operator", message, hint))
}

async fn read(cluster: &Cluster) -> Result<Operators, Failure> {
    let namespaces = BTreeSet::from([cluster.scope()]);
    Operators::read(cluster, Some(&namespaces).filter(|_| !cluster.scope().is_empty())).await
}

/// Whether it works for `--namespace`, or any with `--all-namespaces`.
fn works_here(cluster: &Cluster, operator: &Operator) -> bool {
    cluster.scope().is_empty() || operator.lease.facts.watches(cluster.scope())
}

/// Two that are there and work for the same resources: each has a Lease of its own, so neither waits for the other.
fn rivals(operators: &[&Operator]) -> Option<Check> {
    let there: Vec<_> = operators.iter().filter(|operator| operator.alive).map(|operator| &operator.lease).collect();
    let mut pairs =
        there.iter().enumerate().flat_map(|(nth, one)| there.iter().skip(nth + 1).map(|other| (*one, *other)));
    let (one, other) = pairs.find(|(one, other)| one.facts.shares(&other.facts))?;
    let message = format!(
        "the holders of {}/{} and of {}/{} work for the same resources, and each writes what the other one does",
        one.namespace, one.name, other.namespace, other.name
    );
    let hint = "uninstall one of them, or let each work for namespaces of its own: watchNamespaces in the chart";
    Some(Check::failed("operator", message, hint))
}

/// Whether the oldest observation is not much older than the interval; `None`: it is not known.
fn freshness(lease: &crd::OperatorLease, now: Timestamp) -> Option<Check> {
    let (oldest, interval) = (lease.oldest_observation(now)?, lease.facts.interval?);
    let message =
        format!("the oldest observation is {} s old, the interval is {} s", oldest.as_secs(), interval.as_secs());
    Some(if oldest > interval.saturating_mul(3) {
        let hint =
            "an outage, or a rate limit that is too low: docs/scale.md; or a resource with a longer spec.interval";
        Check::warning("oldest-observation", message, hint)
    } else {
        Check::good("oldest-observation", message)
    })
}
