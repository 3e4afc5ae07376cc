//! Operators of different Leases for the same resources, in one namespace: one waits for the other.

use super::{Replica, TAKEOVER, hours, sent};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};

/// As after a rollback, with Argo CD or kustomize, or with a second release: the chart does not see these.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_lease_for_the_same_resources_waits_until_that_one_is_given_back() {
    let mut world = World::without_operator(json!({})).await;
    let mut first = Replica::start(&world, "first", None);
    first.until_leading(60);
    let other = format!("{}-renamed", world.namespace);
    world.cluster.grant_lease(&other);
    world.arguments = vec!["--lease-name", other.leak()];
    let mut second = Replica::start(&world, "second", None);
    second.until_ready();
    let waits = format!("leads for the same resources by the Lease {}, and this one waits", world.namespace);
    eventually("it says what it waits for", 30, || (second.says(&waits) > 0).then_some(()));
    world.apply("acme", &hours("org_1", 8));
    world.until("acme", "True", "InSync");
    assert!(first.leads() && !second.leads() && second.says(&waits) == 1, "{}", second.log());

    // two more of the first Lease, one of which is the first to stand by
    world.arguments.clear();
    let third = Replica::start(&world, "third", None);
    third.until_ready();
    assert!(first.ends());
    let leads = || [&second, &third].iter().filter(|replica| replica.leads()).count();
    eventually("one of the two leads", 30, || (leads() == 1).then_some(()));
    world.apply("acme", &hours("org_1", 9));
    world.until("acme", "True", "InSync");
    assert_eq!((leads(), second.writes() + third.writes()), (1, 1), "{}{}", second.log(), third.log());
    assert!(second.ends());
    third.until_leading(TAKEOVER);
}

/// As two releases that a GitOps tool applies at once: both see that nobody leads, and both may take their Leases.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_start_together_with_different_leases_one_leads_and_the_other_waits_for_it() {
    let mut world = World::without_operator(json!({})).await;
    world.apply("acme", &hours("org_1", 8));
    let names = ["", "-renamed"].map(|suffix| format!("{}{suffix}", world.namespace));
    world.cluster.grant_lease(&names[1]);
    let replicas = names.each_ref().map(|name| {
        world.arguments = vec!["--lease-name", name.clone().leak()];
        Replica::start(&world, name, None)
    });
    let waits =
        || replicas.iter().filter(|replica| replica.says("leads for the same resources by the Lease") > 0).count();
    eventually("one of them waits", 30, || (waits() == 1).then_some(()));
    for more in 8..=10 {
        world.apply("acme", &hours("org_1", more));
        world.until("acme", "True", "InSync");
    }
    assert_eq!(sent(&world, "org_1"), [8, 9, 10]);
    let mut writes = replicas.each_ref().map(Replica::writes);
    writes.sort_unstable();
    assert_eq!((writes, waits()), ([0, 3], 1), "{}{}", replicas[0].log(), replicas[1].log());
    let leases = names.iter().filter_map(|name| world.cluster.get("default", &format!("lease/{name}")));
    let specs: Vec<Value> = leases.map(|lease| lease["spec"].clone()).collect();
    assert_eq!(specs.iter().filter(|spec| spec["holderIdentity"] != "").count(), 1, "{specs:?}");
    assert!(specs.iter().all(|spec| spec["leaseTransitions"] == 0), "nobody took one a second time: {specs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_lease_that_was_left_behind_is_waited_for_as_long_as_it_says() {
    let world = World::without_operator(json!({})).await;
    let left = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": format!("{}-left", world.namespace), "namespace": "default",
            "labels": {"app.kubernetes.io/name": "session-policy-operator"},
            "annotations": {"scalekit.com/watched-namespaces": world.namespace}},
        "spec": {"holderIdentity": "gone", "leaseDurationSeconds": 3}});
    assert!(world.with_input(&["apply", "-f", "-"], &left.to_string()).0);
    let replica = Replica::start(&world, "only", None);
    replica.until_leading(TAKEOVER);
    assert_eq!(replica.says("gone leads for the same resources by the Lease"), 1, "{}", replica.log());
    drop(replica);
    let said = world.uninstall(&["--yes"]);
    assert!(said.status.success(), "an uninstall waits for it too: {}", String::from_utf8_lossy(&said.stderr));
}
