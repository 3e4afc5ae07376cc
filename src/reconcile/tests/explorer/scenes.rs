//! The closed worlds: what is declared, what others do, and what goes wrong.

use crate::policy::{DeletionPolicy, Live, Mode, Policy, ValidatedSpec};
use crate::reconcile::{
    ErrorKind, HOUR, RemoteRequest, Request, Step,
    tests::{
        samples::*,
        world::{SECRET, World, access, writes},
    },
};
use std::time::Duration;

/// One closed world.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) start: fn() -> World,
    pub(super) changes: &'static [Change],
    pub(super) faults: &'static [Fate],
    /// How long a reconcile may be held up before a write.
    pub(super) pause_by: &'static [Duration],
    /// Two operators, of which one leads.
    pub(super) leaders: bool,
    /// No age above this makes a difference.
    pub(super) long: Duration,
}

/// What others do.
pub(super) struct Change {
    pub(super) name: &'static str,
    /// Where it can be seen.
    pub(super) side: Side,
    /// How often on one way.
    pub(super) times: u8,
    /// Whether it would change anything.
    pub(super) applies: fn(&World) -> bool,
    pub(super) happen: fn(&mut World),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Cluster,
    Scalekit,
    Credentials,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Fine,
    /// Scalekit answers so, and does nothing.
    Refused(ErrorKind),
    /// A write never arrives, or its response does not, or it arrives later.
    Lost,
    ResponseLost,
    Late,
    /// Somebody else has changed the resource since it was read.
    StatusConflict,
    /// The process stops, and its last status is written later.
    LateStatus,
}

impl Fate {
    /// Whether that can become of this step.
    pub(super) fn fits(self, step: &Step) -> bool {
        let remote = match step {
            Step::Request(Request::Remote(request)) => Some(request),
            _ => None,
        };
        match self {
            Self::Fine => true,
            Self::Refused(ErrorKind::Conflict | ErrorKind::Rejected) | Self::Lost | Self::ResponseLost | Self::Late => {
                remote.is_some_and(RemoteRequest::writes)
            }
            Self::Refused(ErrorKind::NotFound) => remote.is_some_and(RemoteRequest::reads_organization),
            Self::Refused(_) => remote.is_some(),
            Self::StatusConflict => remote.is_none() && (writes(step) || matches!(step, Step::Done(_))),
            Self::LateStatus => matches!(step, Step::Done(_)),
        }
    }

    pub(super) fn tell(self) -> String {
        match self {
            Self::Fine => String::new(),
            Self::Refused(kind) => format!(" ({})", kind.reason()),
            Self::Lost => " (which never arrives)".into(),
            Self::ResponseLost => " (and the response is lost)".into(),
            Self::Late => " (which arrives later, with no response)".into(),
            Self::StatusConflict => " (the resource was changed meanwhile)".into(),
            Self::LateStatus => " (its status is written later, and it stops)".into(),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const LIMITED: Fate = Fate::Refused(ErrorKind::RateLimited { retry_after: Duration::from_secs(30) });
const DOWN: Fate = Fate::Refused(ErrorKind::Unavailable);
const UNAUTHENTICATED: Fate = Fate::Refused(ErrorKind::AuthFailed);
const FORBIDDEN: Fate = Fate::Refused(ErrorKind::Forbidden);
const ODD: Fate = Fate::Refused(ErrorKind::BadResponse);
const CONFLICT: Fate = Fate::Refused(ErrorKind::Conflict);
const REJECTED: Fate = Fate::Refused(ErrorKind::Rejected);
const ABSENT: Fate = Fate::Refused(ErrorKind::NotFound);
const EVERY_FAULT: &[Fate] = &[
    LIMITED,
    DOWN,
    UNAUTHENTICATED,
    FORBIDDEN,
    ODD,
    CONFLICT,
    REJECTED,
    ABSENT,
    Fate::Lost,
    Fate::ResponseLost,
    Fate::Late,
    Fate::StatusConflict,
];

fn small(mut world: World) -> World {
    world.step = Duration::ZERO;
    (world.settings.grace, world.settings.namespace_grace) = (180 * SECOND, 120 * SECOND);
    world.settings.revert_delay = 10 * SECOND;
    world
}

fn one(spec: ValidatedSpec) -> World {
    let mut world = small(World::new());
    world.declare(spec);
    world
}

fn exists(world: &World) -> bool {
    world.cluster.get(1).is_some_and(|object| object.deleting_since.is_none())
}

fn always(_: &World) -> bool {
    true
}

fn drift(world: &mut World, live: Live) {
    if let Some(tenant) = world.scalekit.organizations.get_mut(&org("org_1")) {
        (tenant.live, tenant.author) = (live, None);
    }
}

macro_rules! change {
    ($name:literal, $side:ident, $times:literal, if $applies:expr, $happen:expr) => {
        Change { name: $name, side: Side::$side, times: $times, applies: $applies, happen: $happen }
    };
}

const TIGHTER: Change =
    change!("somebody declares a tighter policy", Cluster, 2, if exists, |w| w.edit(1, |s| s.policy = custom(240, 30)));
const LOOSER: Change = change!("somebody declares a looser policy", Cluster, 2, if exists, |w| w.edit(1, |s| s.policy = custom(600, None)));
const INHERIT: Change =
    change!("somebody declares APPLICATION", Cluster, 1, if exists, |w| w.edit(1, |s| s.policy = Policy::Application));
const SUSPEND: Change = change!("somebody suspends the resource, or wakes it", Cluster, 2, if exists, |w| w.edit(1, |s| s.suspend = !s.suspend));
const OBSERVE: Change =
    change!("somebody sets mode Observe", Cluster, 1, if exists, |w| w.edit(1, |s| s.mode = Mode::Observe));
const TIGHTEN_ONLY: Change =
    change!("somebody sets mode TightenOnly", Cluster, 1, if exists, |w| w.edit(1, |s| s.mode = Mode::TightenOnly));
const ENFORCE: Change =
    change!("somebody sets mode Enforce", Cluster, 1, if exists, |w| w.edit(1, |s| s.mode = Mode::Enforce));
const INVALID: Change = change!("somebody declares what is invalid", Cluster, 1, if exists, |w| w.redeclare(1, None));
const OTHER_SECRET: Change =
    change!("somebody names another Secret", Cluster, 1, if exists, |w| w.edit(1, |s| s.secret = Some(SECRET.into())));
const VALID: Change = change!("somebody declares a valid policy again", Cluster, 1, if |w| exists(w) && w.object(1).spec.is_err(), |w| w.redeclare(1, Some(enforce(custom(240, 30)))));
const RETAIN: Change = change!("somebody sets deletionPolicy Retain", Cluster, 1, if exists, |w| w.edit(1, |s| s.deletion = DeletionPolicy::Retain));
const DELETE: Change = change!("somebody deletes resource 1", Cluster, 1, if exists, |w| w.delete(1));
const CREATE: Change =
    change!("somebody creates another one", Cluster, 1, if always, |w| _ = w.declare(enforce(custom(120, None))));
const DELETE_2: Change =
    change!("somebody deletes resource 2", Cluster, 1, if |w| w.cluster.get(2).is_some(), |w| w.delete(2));
const FOREIGN: Change = change!("another controller adds a finalizer", Cluster, 1, if exists, |w| w.cluster.get_mut(1).into_iter().for_each(|o| (o.foreign, o.version) = (true, o.version + 1)));
pub(super) const STRIPPED: Change = change!("somebody removes our finalizer", Cluster, 1, if |w| exists(w) && w.object(1).finalizer, |w| w.set_finalizer_by_hand(1, false));
const LOOSENED: Change =
    change!("somebody makes the live policy looser", Scalekit, 2, if always, |w| drift(w, no_idle(43_200)));
const TIGHTENED: Change =
    change!("somebody makes the live policy tighter", Scalekit, 1, if always, |w| drift(w, custom(120, 15).into()));
const UNKNOWN: Change =
    change!("the live policy has an unknown source", Scalekit, 1, if always, |w| drift(w, Live::Unrecognized));
const FLAG_OFF: Change = change!("somebody switches the feature off", Scalekit, 1, if always, |w| w.switch_flag(false));
const GATED: Change = change!("the server hides policies while the feature is off", Scalekit, 1, if always, |w| (w.scalekit.habits.gates_reads, w.scalekit.habits.gates_writes) = (true, true));
const ORGANIZATION_GONE: Change = change!("the organization is deleted", Scalekit, 1, if always, |w| w.scalekit.organizations.retain(|id, _| *id != org("org_1")));
const ORGANIZATION_BACK: Change = change!("an organization has the external id again", Scalekit, 1, if |w| !w.scalekit.organizations.contains_key(&org("org_1")), |w| {
    let other = w.scalekit.organizations[&org("org_2")].clone();
    w.scalekit.organizations.insert(org("org_1"), other);
});
const REMAPPED: Change = change!("the external id leads to another organization", Scalekit, 1, if always, |w| drop(w.scalekit.external.insert("tenant-1".into(), org("org_2"))));
const MAPPED_BACK: Change = change!("the external id leads back", Scalekit, 1, if always, |w| drop(w.scalekit.external.insert("tenant-1".into(), org("org_1"))));
const APPLICATION: Change = change!("the application's policy gets stricter", Scalekit, 1, if always, |w| w.scalekit.application = Ok(application(300, 5)));
const TOKENS: Change = change!("the application's access tokens get longer", Scalekit, 1, if always, |w| w.scalekit.application = Ok(application(10_080, 500)));
const UNREADABLE: Change = change!("the application's policy can't be read any more", Scalekit, 1, if always, |w| w.scalekit.application = Err(ErrorKind::Forbidden));
const OUTAGE: Change =
    change!("Scalekit goes down", Scalekit, 1, if always, |w| w.scalekit.down = Some(ErrorKind::Unavailable));
const OUTAGE_OVER: Change =
    change!("Scalekit is back", Scalekit, 1, if |w| w.scalekit.down.is_some(), |w| w.scalekit.down = None);
const SECRET_GONE: Change = change!("the Secret is deleted", Credentials, 1, if always, World::credentials_missing);
const SECRET_BACK: Change =
    change!("the Secret is back", Credentials, 2, if always, |w| w.credentials = Ok(access(HOST)));
const SECRET_ELSEWHERE: Change = change!("the Secret leads to another environment", Credentials, 1, if always, |w| w.credentials = Ok(access("other.scalekit.com")));
const NAMESPACE_GOES: Change =
    change!("the namespace is being deleted", Cluster, 1, if always, |w| w.namespace_terminating = true);
const SECRET_2_GONE: Change =
    change!("the Secret of resource 1 is deleted", Credentials, 1, if always, |w| w.secrets.clear());
const SECRET_2_BACK: Change =
    change!("the Secret of resource 1 is back", Credentials, 1, if always, |w| w.secret_of_leads_to("z", HOST));
const AGAIN: Change =
    change!("somebody makes the live policy looser", Scalekit, 6, if always, |w| drift(w, no_idle(43_200)));
const STRICTER_AGAIN: Change =
    change!("somebody makes the live policy stricter", Scalekit, 6, if always, |w| drift(w, custom(120, 15).into()));
const WATCH_SILENT: Change =
    change!("no event of the watch arrives any more", Cluster, 1, if always, |w| w.watch.silent = true);
const WATCH_BACK: Change = change!("the events arrive", Cluster, 1, if |w| w.watch.silent, |w| w.watch.silent = false);

const BASE: Scene = Scene {
    name: "",
    start: World::new,
    changes: &[],
    faults: EVERY_FAULT,
    pause_by: &[SECOND, Duration::from_secs(31)],
    leaders: false,
    long: Duration::from_secs(180),
};

/// All of them.
pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "edits, drift and deletion",
        start: || one(enforce(declared())),
        changes: &[TIGHTER, LOOSER, LOOSENED, FLAG_OFF, DELETE, FOREIGN],
        ..BASE
    },
    Scene {
        name: "modes",
        start: || one(enforce(declared())),
        changes: &[SUSPEND, OBSERVE, TIGHTEN_ONLY, ENFORCE, RETAIN, INHERIT, TIGHTENED, LOOSENED, UNKNOWN, DELETE],
        ..BASE
    },
    Scene {
        name: "what was there before is restored",
        start: || {
            let mut world = one(ValidatedSpec { deletion: DeletionPolicy::Restore, ..tighten_only(declared()) });
            world.switch_flag(true);
            world.tenant().live = custom(600, 30).into();
            world
        },
        changes: &[TIGHTER, ENFORCE, OBSERVE, TIGHTENED, LOOSENED, STRIPPED, DELETE],
        ..BASE
    },
    Scene {
        name: "credentials",
        start: || one(enforce(declared())),
        changes: &[SECRET_GONE, SECRET_BACK, SECRET_ELSEWHERE, NAMESPACE_GOES, LOOSENED, DELETE],
        faults: &[UNAUTHENTICATED, Fate::Late],
        ..BASE
    },
    Scene {
        name: "external ids",
        start: || one(ValidatedSpec { organization: by_external_id("tenant-1"), ..enforce(declared()) }),
        changes: &[REMAPPED, MAPPED_BACK, ORGANIZATION_GONE, ORGANIZATION_BACK, LOOSENED, DELETE],
        faults: &[ABSENT, DOWN, Fate::Late],
        ..BASE
    },
    Scene {
        name: "two resources of one organization",
        start: || one(enforce(declared())),
        changes: &[CREATE, TIGHTER, LOOSENED, SUSPEND, DELETE, DELETE_2],
        faults: &[Fate::Late, DOWN, FORBIDDEN],
        ..BASE
    },
    Scene {
        name: "two resources with Secrets of their own",
        start: || {
            // the older one comes later by its namespace
            let mut world = small(World::new());
            let spec = ValidatedSpec { secret: Some(SECRET.into()), ..enforce(declared()) };
            world.secret_of_leads_to("z", HOST);
            world.declare_in("z", Ok(spec));
            world.advance(SECOND);
            world.declare(enforce(custom(120, None)));
            world
        },
        changes: &[SECRET_2_GONE, SECRET_2_BACK, SUSPEND, LOOSENED, DELETE, DELETE_2],
        faults: &[UNAUTHENTICATED, Fate::Late],
        long: HOUR,
        ..BASE
    },
    Scene {
        name: "an older one that writes nothing",
        start: || {
            let mut world = small(World::new());
            let secret = Some(SECRET.into());
            world.declare_in("z", Ok(ValidatedSpec { secret, ..observe(declared()) }));
            world.advance(SECOND);
            world.declare(enforce(custom(120, None)));
            world
        },
        changes: &[SECRET_2_BACK, SECRET_2_GONE, LOOSENED, SUSPEND, DELETE_2],
        faults: &[Fate::Late, DOWN],
        long: HOUR,
        ..BASE
    },
    Scene {
        name: "a new leader",
        start: || one(enforce(declared())),
        changes: &[TIGHTER, LOOSENED, DELETE],
        faults: &[Fate::Late, Fate::LateStatus, FORBIDDEN, DOWN],
        leaders: true,
        ..BASE
    },
    Scene {
        name: "a cache that gets old",
        start: || {
            let mut world = one(enforce(declared()));
            world.watch.serves = true;
            world
        },
        changes: &[WATCH_SILENT, WATCH_BACK, TIGHTER, LOOSENED, DELETE, FLAG_OFF],
        faults: &[DOWN, Fate::StatusConflict],
        ..BASE
    },
    Scene {
        name: "the application's policy",
        start: || one(enforce(declared())),
        changes: &[APPLICATION, TOKENS, UNREADABLE, LOOSENED, TIGHTER, DELETE],
        ..BASE
    },
    Scene {
        name: "the feature",
        start: || {
            let mut world = one(enforce(declared()));
            world.settings.disable_feature = true;
            world.scalekit.habits.replaces_features = true;
            world
        },
        changes: &[FLAG_OFF, GATED, INHERIT, LOOSENED, DELETE],
        ..BASE
    },
    Scene {
        name: "a server that keeps another policy",
        start: || {
            let mut world = one(enforce(declared()));
            world.scalekit.habits.normalises = Some(|_| no_idle(480));
            world
        },
        changes: &[TIGHTER, LOOSENED, INHERIT, DELETE],
        ..BASE
    },
    Scene {
        name: "a server that does not switch the feature on",
        start: || {
            let mut world = one(enforce(declared()));
            (world.scalekit.habits.keeps_flag_off, world.scalekit.habits.gates_writes) = (true, true);
            world
        },
        changes: &[TIGHTER, LOOSENED, INHERIT, DELETE],
        ..BASE
    },
    Scene {
        name: "reconciles that are held up",
        start: || one(enforce(declared())),
        changes: &[TIGHTER, LOOSENED, FLAG_OFF, DELETE],
        faults: &[Fate::Late, Fate::Lost, Fate::ResponseLost],
        ..BASE
    },
    Scene {
        name: "an outage",
        start: || one(enforce(declared())),
        changes: &[OUTAGE, OUTAGE_OVER, TIGHTER, LOOSENED, DELETE],
        faults: &[Fate::Late],
        long: HOUR,
        ..BASE
    },
    Scene {
        name: "somebody who undoes it again and again",
        start: || one(enforce(declared())),
        changes: &[AGAIN, DELETE],
        long: HOUR,
        ..BASE
    },
    Scene {
        name: "somebody who makes it stricter again and again",
        start: || one(enforce(declared())),
        changes: &[STRICTER_AGAIN, TIGHTER, DELETE],
        long: HOUR,
        ..BASE
    },
    Scene {
        name: "an invalid spec, and another Secret",
        start: || one(enforce(declared())),
        changes: &[INVALID, VALID, OTHER_SECRET, LOOSENED, SUSPEND, NAMESPACE_GOES, DELETE],
        faults: &[Fate::Late, DOWN, Fate::StatusConflict],
        ..BASE
    },
];
