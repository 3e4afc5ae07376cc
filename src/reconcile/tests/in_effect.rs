//! The condition Effective compares what applies to new sessions with what is declared, and never
//! says more than is known.

use super::{
    samples::*,
    world::{On, Trouble, World},
};
use crate::policy::{Live, Policy, ValidatedSpec};
use crate::reconcile::{ConditionType, ErrorKind};

fn effective(spec: ValidatedSpec, live: Live, application_absolute: i64) -> String {
    let mut world = World::new();
    world.tenant().live = live;
    world.scalekit.application = Ok(application(application_absolute, 5));
    let uid = world.declare(spec);
    world.reconcile(uid);
    world.says(uid, ConditionType::Effective)
}

#[test]
fn the_declared_values_apply_only_where_nothing_else_does() {
    let year: Live = custom(525_600, 30).into();
    for (spec, live, application, expected) in [
        (enforce(declared()), foreign(), 10_080, "True AppliesFully"),
        (enforce(declared()), foreign(), 240, "False LooserThanApplication"),
        (observe(declared()), declared().into(), 10_080, "True AppliesFully"),
        (observe(declared()), year, 10_080, "False LooserThanDeclared"),
        (observe(declared()), Live::Application, 10_080, "False LooserThanDeclared"),
        (observe(declared()), no_idle(480), 10_080, "False LooserThanDeclared"),
        (observe(declared()), custom(240, 30).into(), 10_080, "False StricterThanDeclared"),
        (observe(declared()), Live::Unrecognized, 10_080, "Unknown UnrecognizedLivePolicy"),
        (observe(custom(20_160, None)), Live::Application, 10_080, "False LooserThanApplication"),
        (tighten_only(declared()), custom(240, 30).into(), 10_080, "False StricterThanDeclared"),
        // what is stricter than both applies, whatever is live
        (observe(Policy::Application), year, 10_080, "False StricterThanDeclared"),
        (observe(Policy::Application), no_idle(525_600), 10_080, "True AppliesFully"),
    ] {
        assert_eq!(effective(spec.clone(), live, application), expected, "{live} for {}", spec.policy);
    }
}

#[test]
fn what_applies_is_said_beside_what_is_declared() {
    let (mut world, uid) = World::at_rest(observe(declared()));
    world.tenant().live = custom(600, 30).into();
    world.reconcile(uid);
    let message = &world.object(uid).condition(ConditionType::Effective).unwrap().message;
    assert_eq!(message, "absolute: 10h applies instead of 8h; idle: 30m applies instead of 1h");
}

#[test]
fn what_nobody_keeps_any_more_is_not_said_to_apply() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    assert_eq!(world.says(uid, ConditionType::Effective), "True AppliesFully");
    world.edit(uid, |spec| spec.suspend = true);
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Effective), "Unknown Suspended");
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.uninstalling = true;
    world.reconcile(uid);
    assert_eq!(world.says(uid, ConditionType::Effective), "Unknown Uninstalled");
}

#[test]
fn values_that_were_never_compared_are_not_said_to_apply() {
    for on in [On::Organization, On::ReadPolicy] {
        let (mut world, uid) = World::at_rest(enforce(declared()));
        world.edit(uid, |spec| spec.policy = custom(240, 30));
        world.trouble(on, 0, Trouble::Refused(ErrorKind::Unavailable));
        world.reconcile(uid);
        assert_eq!(world.says(uid, ConditionType::Effective), "Unknown NotChecked", "{on:?}");
    }
}
