//! What the decisions of the common reconciles cost, as counts that are the same on
//! every machine: a change that makes them dearer fails here, and is meant or not
//! (`CONTRIBUTING.md`).

use super::{
    samples::*,
    world::{Effort, World},
};

/// At most so much; much less means that the limit here is to be lowered.
fn assert_costs(what: &str, effort: Effort, decisions: usize, allocations: u64, bytes: u64) {
    assert_eq!(effort.decisions, decisions, "{what}: {effort:?}");
    let within = |is: u64, limit: u64| is <= limit && is * 10 >= limit * 8;
    assert!(within(effort.allocations, allocations) && within(effort.bytes, bytes), "{what}: {effort:?}");
}

#[test]
fn a_reconcile_at_rest_decides_with_few_allocations() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    assert_costs("at rest", world.measure(uid), 8, 62, 1900);
}

#[test]
fn a_reconcile_that_the_cache_serves_decides_with_few_allocations() {
    let (mut world, uid) = World::at_rest_in_cache(enforce(declared()));
    assert_costs("at rest, cached", world.measure(uid), 8, 56, 1650);
}

#[test]
fn a_new_resource_is_brought_to_rest_with_few_allocations() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    assert_costs("cold", world.measure(uid), 14, 136, 5200);
}

#[test]
fn an_edit_is_applied_with_few_allocations() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.edit(uid, |spec| spec.policy = custom(240, None));
    assert_costs("edit", world.measure(uid), 10, 80, 2800);
}
