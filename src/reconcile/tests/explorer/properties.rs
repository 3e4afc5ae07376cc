//! What holds in every state and of every step: the properties I1 to I12, and of every rest:
//! L1 to L7 (`docs/proof.md`).

use super::{
    place::{Place, Running, WRITES},
    scenes::STRIPPED,
};
use crate::policy::{Live, Mode, OrganizationId, OrganizationRef, Policy, ValidatedSpec, diff};
use crate::reconcile::{
    ConditionType, CredentialsError, CredentialsSource, Lane, Outcome, Reason, Release, RemoteOutcome, RemoteRequest,
    Request, Step,
    tests::{
        convergence::where_it_should_be,
        invariants::justified,
        world::{Habits, Object, Omits, Reconciled, Uid, World, writes},
    },
};
use std::time::Duration;

/// The longest time between a read and the write that follows from it.
const FRESH: Duration = Duration::from_secs(30);

/// Before a step of a reconcile is carried out.
pub(super) fn before(place: &Place, who: u8, running: &Running) -> Result<(), String> {
    let Running { uid, state, step, .. } = running;
    let remote = match step {
        Step::Request(Request::Remote(request)) => Some(request),
        _ => None,
    };
    if remote.is_some() && state.spec().is_none() {
        return Err("I11 Confined: a request is sent for an invalid spec".into());
    }
    let reverted = match remote {
        Some(RemoteRequest::WritePolicy { organization, .. }) if state.deleting() => Some(organization),
        _ => None,
    };
    if let Some(other) = reverted.and_then(|organization| undone(place, running, organization)) {
        return Err(format!("I2 UidBound: it sets back what resource {other} has written and still declares"));
    }
    if remote.is_some() || writes(step) {
        let mut entry = place.world.entry(*uid, step, state);
        if let Some(object) = entry.object.as_mut().filter(|_| place.happened(STRIPPED.name)) {
            // what somebody does between the read and the write can't be known
            object.finalizer |= state.here().is_some_and(|resource| resource.finalizer);
        }
        justified(&entry).map_err(|broken| of_step(step, &broken.to_string()))?;
    }
    if remote.is_some_and(|request| state.deleting() && state.lane(request.writes()) != Lane::Awaited) {
        return Err("L3: a deletion waits behind what nobody waits for".into());
    }
    let releases = matches!(step, Step::Request(Request::RemoveFinalizer(_)));
    let may_outlast = who == 0 && place.cut.is_some() && place.since_cut() > WRITES;
    if may_outlast && (releases || remote.is_some_and(RemoteRequest::writes)) {
        return Err("I9 LeaseGuard: the lease may be over before the write is".into());
    }
    let Some(request) = remote.filter(|request| request.writes()) else { return Ok(()) };
    if who == 0 && place.taken {
        return Err("I9 LeaseGuard: it writes while another process leads".into());
    }
    let age = |read: Duration| state.clock.saturating_sub(read);
    if age(state.reads.resource) > FRESH && state.reads.refreshes < 3 {
        return Err("I6 ReadBeforeWrite: the resource was read too long ago".into());
    }
    let policy = matches!(request, RemoteRequest::WritePolicy { .. });
    if policy && age(state.reads.policy) > FRESH && state.reads.refreshes < 3 {
        return Err("I6 ReadBeforeWrite: the policy was read too long ago".into());
    }
    let RemoteRequest::WritePolicy { organization, policy } = request else { return Ok(()) };
    let beside = place.of_the_first().any(|other| match other {
        RemoteRequest::WritePolicy { policy: other, .. } => other != policy,
        _ => false,
    });
    if who == 1 && beside {
        return Err("I9 LeaseGuard: it writes beside another policy that the leader before has sent".into());
    }
    if running.policies.1 >= 2 && state.here().is_some_and(|resource| resource.generation == running.policies.0) {
        return Err("I12 Bounded: a third policy in one reconcile".into());
    }
    let owner = place.world.owner_known(*uid, organization);
    if !state.deleting() && owner.is_some_and(|owner| owner != *uid) {
        return Err(format!("I7 OneOwner: it writes, and {owner:?} owns the organization"));
    }
    Ok(())
}

/// Whose policy a revert would undo: that of another resource that stays, wrote it, declares it still, and says that it
/// is live, with nobody having changed the organization since this one has read it. One that does not say so may never
/// be able to, so it is waited for for a minute and no longer (L3).
fn undone(place: &Place, running: &Running, organization: &OrganizationId) -> Option<Uid> {
    let tenant = place.world.scalekit.organizations.get(organization).filter(|_| running.undisturbed)?;
    let author = place.world.cluster.get(tenant.author.filter(|author| *author != running.uid)?)?;
    let declares = |spec: &ValidatedSpec| spec.is_active() && diff(&spec.policy, &tenant.live).is_empty();
    let says = author.deleting_since.is_none() && author.claimant().claim.in_sync;
    let keeps = says && author.spec.as_ref().is_ok_and(declares);
    keeps.then_some(author.uid)
}

/// The property that a step breaks, by what it does.
fn of_step(step: &Step, broken: &str) -> String {
    let property = match (step, broken) {
        (_, broken) if broken.contains("finalizer comes first") => "I1 FinalizerFirst",
        (_, broken) if broken.contains("only the owner writes") => "I7 OneOwner",
        (_, broken) if broken.contains("equal, so") || broken.contains("not read before") => "I6 ReadBeforeWrite",
        (_, broken) if broken.contains("other credentials") => "I11 Confined",
        (Step::Request(Request::RemoveFinalizer(_)), broken) if broken.contains("land") => "I4 NoOrphan",
        (Step::Request(Request::RemoveFinalizer(_)), _) => "I10 NoBlindDestruct",
        (Step::Request(Request::Remote(RemoteRequest::WriteFeatures { .. })), _) => "I8 FlagsPreserved",
        _ => "I3 OnlyDesired",
    };
    format!("{property}: {broken}")
}

/// When a reconcile ends.
pub(super) fn at_end(place: &Place, running: &Running, outcome: &Outcome) -> Result<(), String> {
    let ready = matches!(outcome, Outcome::Reconciled(RemoteOutcome::InSync));
    let (Some(spec), true, true) = (running.state.spec(), ready, running.undisturbed) else { return Ok(()) };
    let Some(organization) = &running.state.observation.organization else { return Ok(()) };
    let Some(tenant) = place.world.scalekit.organizations.get(&organization.id) else { return Ok(()) };
    let hides = |habits: &Habits| habits.gates_reads && !tenant.session_policy_on();
    let lies = |habits: &Habits| habits.policy_echo.is_some() || habits.lag > 0 || hides(habits);
    let shown = tenant.session_policy_on() || tenant.live != Live::Application || spec.policy == Policy::Application;
    if !lies(&place.world.scalekit.habits) && shown && !diff(&spec.policy, &tenant.live).is_empty() {
        return Err(format!("I5 HonestStatus: it says InSync, and live is {}", tenant.live));
    }
    let applies = spec.mode == Mode::Observe || spec.policy == Policy::Application || tenant.session_policy_on();
    if !applies && running.feature_undisturbed && place.world.scalekit.habits.omits_features == Omits::Never {
        return Err("I5 HonestStatus: it says InSync, and the feature is off".into());
    }
    Ok(())
}

/// When a resource goes and its policy stays, an event says so (L4).
pub(super) fn announced(reconciled: &Reconciled) -> Result<(), String> {
    let orphaned = matches!(reconciled.outcome, Outcome::Released(Release::Orphaned(_)));
    let said = reconciled.events.iter().any(|event| event.warning && event.reason == Reason::PolicyOrphaned);
    if orphaned && !said {
        return Err("L4: it goes, its policy stays, and no event says so".into());
    }
    Ok(())
}

/// In every state.
pub(super) fn always(place: &Place) -> Result<(), String> {
    let (cluster, scalekit) = (&place.world.cluster, &place.world.scalekit);
    let gone = |uid: Uid| cluster.get(uid).is_none() && place.excused & (1 << uid) == 0;
    // whoever is left claims it and makes it its own (L5)
    if cluster.objects.is_empty() {
        let orphan =
            scalekit.organizations.values().find(|t| t.live != Live::Application && t.author.is_some_and(gone));
        if orphan.is_some_and(|_| scalekit.in_flight.is_empty()) {
            return Err("I4 NoOrphan: its policy is live, and the resource is gone".into());
        }
        let custom = |request: &RemoteRequest| matches!(request, RemoteRequest::WritePolicy { policy, .. } if *policy != Policy::Application);
        if scalekit.in_flight.iter().any(|(_, uid, request)| gone(*uid) && custom(request)) {
            return Err("I4 NoOrphan: its policy can still be applied, and the resource is gone".into());
        }
    }
    for tenant in scalekit.organizations.values() {
        let on = |name| tenant.features.iter().any(|f| f.name == name && f.enabled);
        if !on("sso") || on("dir_sync") {
            return Err(format!("I8 FlagsPreserved: {:?}", tenant.features));
        }
    }
    Ok(())
}

/// At rest: every resource is as declared, or says why not, or is gone.
pub(super) fn agrees(place: &Place) -> Result<(), String> {
    place.world.cluster.objects.iter().try_for_each(|object| agrees_on(&place.world, object))
}

fn agrees_on(world: &World, object: &Object) -> Result<(), String> {
    let (uid, scalekit) = (object.uid, &world.scalekit);
    let says = world.says(uid, ConditionType::Ready);
    if object.deleting_since.is_some() {
        let held = (object.foreign && !object.finalizer) || scalekit.habits.normalises.is_some();
        let goes = !held && scalekit.down.is_none();
        return if goes { Err(format!("L3: resource {uid} is still being deleted: {says}")) } else { Ok(()) };
    }
    if object.status.as_ref().is_none_or(|status| status.observed_generation != object.generation) {
        return Err(format!("L1: the status of resource {uid} is not about its last generation"));
    }
    let blocked = match &object.spec {
        Err(_) => vec!["False InvalidSpec".to_owned()],
        Ok(spec) => blocked(world, object, spec),
    };
    if !blocked.is_empty() {
        let says_so = blocked.contains(&says);
        return says_so.then_some(()).ok_or_else(|| format!("L2: resource {uid} says {says} instead of {blocked:?}"));
    }
    let (Ok(spec), Some(id)) = (&object.spec, named(world, object)) else { return Ok(()) };
    let tenant = scalekit.organizations.get(id).filter(|tenant| tenant.author.is_none());
    let alone = world.cluster.objects.len() == 1 && spec.is_active() && spec.mode == Mode::Enforce;
    if let Some(tenant) = tenant.filter(|tenant| alone && !diff(&spec.policy, &tenant.live).is_empty()) {
        return Err(format!("L7: what others have set stays: {}", tenant.live));
    }
    let property = if uid == 1 { "L1" } else { "L5" };
    where_it_should_be(world, uid, id).map_err(|broken| format!("{property}: {broken}"))
}

/// The organization that the resource names.
fn named<'a>(world: &'a World, object: &'a Object) -> Option<&'a OrganizationId> {
    match &object.spec.as_ref().ok()?.organization {
        OrganizationRef::Id(id) => Some(id),
        OrganizationRef::External(external) => world.scalekit.external.get(external.as_str()),
    }
}

/// What `Ready` must say of a resource that can't have what it declares, or of which nobody can tell; none: nothing
/// stands in its way.
fn blocked(world: &World, object: &Object, spec: &ValidatedSpec) -> Vec<String> {
    let scalekit = &world.scalekit;
    let missing = |name: &String| Err(CredentialsError::Missing(CredentialsSource::Secret(name.clone())));
    let access = match &spec.secret {
        None => world.credentials.clone(),
        Some(name) => world.secrets.get(&(object.namespace, name.clone())).cloned().unwrap_or_else(|| missing(name)),
    };
    let elsewhere = access.as_ref().is_ok_and(|access| access.environment != scalekit.environment);
    let id = named(world, object);
    let tenant = id.and_then(|id| scalekit.organizations.get(id));
    let live = tenant.map(|tenant| tenant.live);
    let in_sync = live.is_some_and(|live| diff(&spec.policy, &live).is_empty());
    // a new one is for people to decide
    let pinned = object.status.as_ref().and_then(|status| status.pinned.as_ref());
    let moved = pinned.is_some_and(|pinned| Some(&pinned.organization) != id);
    let strange = scalekit.application.is_ok_and(|policy| policy.access_token.is_some_and(|token| token.get() > 100));
    let Habits { normalises, keeps_flag_off, gates_reads, .. } = scalekit.habits;
    let hidden = gates_reads && tenant.is_some_and(|tenant| !tenant.session_policy_on());
    let one = |says: &str| vec![says.to_owned()];
    match access {
        _ if spec.suspend => one("Unknown Suspended"),
        Err(error) => vec![format!("False {}", error.reason())],
        // at once where something is pending, else once the last read is old
        Ok(_) if scalekit.down.is_some() => ["Unknown ApiUnavailable", "Unknown Stale"].map(str::to_owned).into(),
        // the other environment does not know the organization
        Ok(_) if elsewhere || (live.is_none() && moved) => one("False OrganizationNotFound"),
        Ok(_) if moved => one("False OrganizationChanged"),
        // nobody knows what applies, unless nothing was ever written
        Ok(_) if in_sync && hidden => ["True InSync", "False FeatureUnavailable"].map(str::to_owned).into(),
        Ok(_) if in_sync || spec.mode != Mode::Enforce => Vec::new(),
        Ok(_) if strange => one("False InvalidSpec"),
        Ok(_) if normalises.is_some() => one("False NotApplied"),
        Ok(_) if keeps_flag_off => one("False FeatureNotEnabled"),
        Ok(_) if hidden => one("False FeatureUnavailable"),
        Ok(_) => Vec::new(),
    }
}
