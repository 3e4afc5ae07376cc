//! What is worth an event.

use super::{
    samples::*,
    world::{On, Reconciled, Trouble, Uid, World, access},
};
use crate::reconcile::{ErrorKind, Reason};
use std::time::Duration;

/// Warnings with a `!`.
fn events(reconciled: &Reconciled) -> Vec<String> {
    let sign = |warning| if warning { "!" } else { "" };
    reconciled.events.iter().map(|e| format!("{}{}", sign(e.warning), e.reason)).collect()
}

fn after(prepare: impl FnOnce(&mut World, Uid)) -> Vec<String> {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    prepare(&mut world, uid);
    events(&world.reconcile(uid))
}

#[test]
fn a_first_reconcile_tells_what_it_changed_and_that_it_is_ready() {
    let mut world = World::new();
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    assert_eq!(events(&reconciled), ["FeatureEnabled", "PolicyApplied", "InSync"]);
    assert_eq!(reconciled.events[1].note, "was the application's policy; is absolute 8h, idle 1h");
}

#[test]
fn rest_is_silent_and_so_is_a_lasting_state() {
    assert_eq!(after(|_, _| {}), [""; 0]);
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.scalekit.organizations.clear();
    assert_eq!(events(&world.reconcile(uid)), ["!OrganizationNotFound"]);
    assert_eq!(events(&world.reconcile(uid)), [""; 0]);
}

#[test]
fn a_repair_is_a_warning_and_an_edit_is_not() {
    assert_eq!(after(|w, _| w.tenant().live = foreign()), ["!DriftCorrected"]);
    assert_eq!(after(|w, uid| w.edit(uid, |d| d.policy = custom(240, None))), ["PolicyApplied"]);
    assert_eq!(after(|w, _| w.switch_flag(false)), ["FeatureEnabled"]);
}

#[test]
fn what_tighten_only_wrote_is_an_event_too() {
    let mut world = World::new();
    world.switch_flag(true);
    world.tenant().live = foreign();
    let uid = world.declare(tighten_only(declared()));
    assert_eq!(events(&world.reconcile(uid)), ["PolicyApplied", "StricterKept"]);
    world.tenant().live = foreign();
    assert_eq!(events(&world.reconcile(uid)), ["!DriftCorrected"]);
}

#[test]
fn what_somebody_else_wrote_is_not_reported_as_ours() {
    let (mut world, uid) = World::at_rest(enforce(declared()));
    world.tenant().live = foreign();
    world.trouble(On::WritePolicy, 0, Trouble::Refused(ErrorKind::Conflict));
    world.meanwhile(9, |w| w.tenant().live = declared().into());
    let reconciled = world.reconcile(uid);
    assert_eq!((reconciled.words().last(), events(&reconciled)), (Some(&"read policy"), vec![]));
}

#[test]
fn how_a_resource_went_is_an_event_and_a_policy_left_behind_is_a_warning() {
    let hour = Duration::from_secs(3600);
    assert_eq!(after(|w, uid| w.delete(uid)), ["Reverted"]);
    let gone = |w: &mut World, uid| {
        w.scalekit.organizations.clear();
        w.delete(uid);
    };
    assert_eq!(after(gone), ["OrganizationGone"]);
    let successor = |w: &mut World, uid| {
        let successor = w.declare(enforce(declared()));
        w.delete(uid);
        assert_eq!(w.reconcile(uid).events[0].reason, Reason::HandingOver);
        w.reconcile(successor);
    };
    assert_eq!(after(successor), ["HandedOver"]);
    let orphaned = |w: &mut World, uid| {
        w.credentials = Ok(access("other.scalekit.com"));
        w.delete(uid);
        w.reconcile(uid);
        w.advance(hour);
    };
    assert_eq!(after(orphaned), ["!PolicyOrphaned"]);
    let retained = |w: &mut World, uid| {
        w.delete(uid);
        w.edit(uid, |d| *d = retain(declared()));
    };
    assert_eq!(after(retained), [""; 0]);
    let customers = |w: &mut World, uid| {
        w.edit(uid, |d| *d = tighten_only(declared()));
        w.tenant().live = custom(120, 30).into();
        w.delete(uid);
    };
    assert_eq!(after(customers), ["StricterKept"]);
}

#[test]
fn a_held_deletion_is_a_warning() {
    let held = |w: &mut World, uid| {
        w.credentials_missing();
        w.delete(uid);
    };
    assert_eq!(after(held), ["!CredentialsMissing"]);
}

#[test]
fn a_note_fits_into_an_event_however_many_flags_changed() {
    let mut world = World::new();
    let others: Vec<_> = (0..200).map(|n| flag(&format!("flag_number_{n}"), true)).collect();
    world.tenant().features = others;
    world.scalekit.habits.unknown_flag = Some("flag_number_0");
    world.scalekit.habits.replaces_features = true;
    let uid = world.declare(enforce(declared()));
    let reconciled = world.reconcile(uid);
    assert!(reconciled.events.iter().any(|e| e.reason == Reason::FeaturesChanged));
    assert!(reconciled.events.iter().all(|e| e.note.len() <= 512));
}

#[test]
fn a_feature_that_does_not_change_is_no_event() {
    let mut world = World::new();
    world.scalekit.habits.keeps_flag_off = true;
    let uid = world.declare(enforce(declared()));
    assert_eq!(events(&world.reconcile(uid)), ["!FeatureNotEnabled"]);
    let stays_on = |w: &mut World, uid| {
        w.settings.disable_feature = true;
        w.scalekit.habits.refuses_features = Some(ErrorKind::Forbidden);
        w.delete(uid);
    };
    assert_eq!(after(stays_on), ["Reverted"]);
}
