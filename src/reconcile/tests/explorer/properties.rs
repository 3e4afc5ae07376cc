//! What holds in every state and of every step: the properties I1 to I12, and of every rest:
//! L1 to L7 (`docs/proof.md`).

use super::{
    place::{Place, Running, WRITES},
    scenes::STRIPPED,
};
use crate::policy::{Live, Mode, OrganizationRef, Policy, diff};
use crate::reconcile::{
    ConditionType, CredentialsError, CredentialsSource, Lane, Outcome, RemoteOutcome, RemoteRequest, Request, Step,
    tests::{
        convergence::where_it_should_be,
        invariants::justified,
        world::{Habits, Omits, Uid, writes},
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
    if remote.is_some() || writes(step) {
        let mut entry = place.world.entry(*uid, step, state);
        if let Some(object) = entry.object.as_mut().filter(|_| place.happened(STRIPPED.name)) {
            // what somebody does between the read and the write can't be known
            object.finalizer |= state.here().is_some_and(|resource| resource.finalizer);
        }
        justified(&entry).map_err(|broken| named(step, &broken.to_string()))?;
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

/// The property that a step breaks, by what it does.
fn named(step: &Step, broken: &str) -> String {
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
    let world = &place.world;
    let scalekit = &world.scalekit;
    for object in &world.cluster.objects {
        let says = || world.says(object.uid, ConditionType::Ready);
        let Ok(spec) = &object.spec else { continue };
        let access = match &spec.secret {
            None => world.credentials.clone(),
            Some(name) => {
                let missing = || Err(CredentialsError::Missing(CredentialsSource::Secret(name.clone())));
                world.secrets.get(&(object.namespace, name.clone())).cloned().unwrap_or_else(missing)
            }
        };
        let usable = access.as_ref().is_ok_and(|access| access.environment == scalekit.environment);
        if object.deleting_since.is_some() {
            let held = (object.foreign && !object.finalizer) || scalekit.habits.normalises.is_some();
            if !held && scalekit.down.is_none() {
                return Err(format!("L3: resource {} is still being deleted: {}", object.uid, says()));
            }
            continue;
        }
        let odd = scalekit.habits.refuses_policy.is_some()
            || scalekit.habits.refuses_features.is_some()
            || scalekit.habits.keeps_flag_off
            || scalekit.habits.flag_echo_lies
            || scalekit.habits.normalises.is_some()
            || scalekit.habits.policy_echo.is_some()
            || scalekit.habits.lacks_policy_route
            || scalekit.habits.gates_reads
            || scalekit.habits.unknown_flag.is_some()
            || scalekit.habits.omits_features != Omits::Never
            || scalekit.habits.lag > 0;
        let id = match &spec.organization {
            OrganizationRef::Id(id) => Some(id),
            OrganizationRef::External(external) => scalekit.external.get(external.as_str()),
        };
        let pinned =
            object.status.as_ref().and_then(|status| status.pinned.as_ref()).map(|pinned| &pinned.organization);
        let Some(id) = id else { return Err("no external id is taken away".into()) };
        // a new one is for people to decide
        let moved = pinned.is_some_and(|pinned| pinned != id);
        let strange = scalekit
            .application
            .is_ok_and(|application| application.access_token.is_some_and(|token| token.get() > 100));
        if usable && scalekit.down.is_none() && !odd && !moved && !strange {
            where_it_should_be(world, object.uid, id).map_err(|broken| format!("L1: {broken}"))?;
            let alone = world.cluster.objects.len() == 1;
            if alone && spec.is_active() && spec.mode == Mode::Enforce && scalekit.organizations.contains_key(id) {
                let live = scalekit.organizations[id].live;
                if !diff(&spec.policy, &live).is_empty() {
                    return Err(format!("L7: live is {live}"));
                }
            }
        } else if spec.is_active() && says().starts_with("True") {
            let live = scalekit.organizations.get(id).map(|tenant| tenant.live);
            let honest = live.is_some_and(|live| diff(&spec.policy, &live).is_empty());
            if !(honest && !moved && usable && scalekit.down.is_none()) {
                return Err(format!("L2: resource {} says {}", object.uid, says()));
            }
        }
    }
    Ok(())
}
