//! Random worlds: what is declared, how the server behaves, what goes wrong
//! and what others do, between the reconciles and in the middle of them.

use super::{
    samples::*,
    world::{BEGINNING, Crash, Habits, Interrupted, Omits, On, SECRET, Trouble, Uid, World},
};
use crate::policy::{ApplicationPolicy, DeletionPolicy, Live, Mode, Policy, ValidatedSpec};
use crate::reconcile::ErrorKind;
use proptest::{collection::vec, option, prelude::*};
use std::time::Duration;

/// A run: the server and what happens, in order.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) habits: Habits,
    /// How long a deletion waits for a successor, in seconds.
    pub(crate) revert_delay: u64,
    pub(crate) disable_feature: bool,
    /// The environment names itself, and has a second host name.
    pub(crate) issuer: bool,
    /// Organizations are read from the list where that may be.
    pub(crate) sweeps: bool,
    /// What is at rest is not read from the API server.
    pub(crate) caches: bool,
    /// How long each step of a reconcile takes.
    pub(crate) step: Duration,
    pub(crate) events: Vec<Action>,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// A reconcile, with something that happens before one of its steps.
    Reconciled(Uid, Option<(usize, Change)>),
    /// A reconcile that dies.
    Crash(Uid, Crash),
    /// Others change the policy before each of so many reconciles.
    Fight(Uid, usize),
    /// A deletion with another resource that may take over.
    HandOver(Uid, ValidatedSpec),
    Change(Change),
}

/// What people, networks and clocks do.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Declare(ValidatedSpec),
    Edit(Uid, ValidatedSpec),
    Delete(Uid),
    /// Somebody suspends it until so many seconds after the beginning, or takes that back.
    SuspendUntil(Uid, Option<u32>),
    /// Our finalizer, put there by hand.
    Finalizer(Uid),
    Live(Live),
    Flag(bool),
    OrganizationGone,
    Application(Result<ApplicationPolicy, ErrorKind>),
    Down(Option<ErrorKind>),
    Trouble(On, usize, Trouble),
    CredentialsMissing,
    CredentialsBack,
    /// The second Secret leads there now.
    SecretLeadsTo(&'static str),
    /// The namespace goes; the process still knows its Secret.
    NamespaceGoes,
    Wait(u64),
    Restart,
    /// No event of the watch arrives any more, or they do again.
    Watch(bool),
}

impl Change {
    fn happen(&self, world: &mut World) {
        match self.clone() {
            Self::Declare(spec) => drop(world.declare(spec)),
            // which organization is meant can't be edited
            Self::Edit(uid, new) => {
                world.edit(uid, |d| {
                    *d = ValidatedSpec {
                        organization: d.organization.clone(),
                        suspended_until: d.suspended_until,
                        ..new
                    }
                });
            }
            Self::Delete(uid) => world.delete(uid),
            Self::SuspendUntil(uid, after) => {
                world.suspend_until(uid, after.map(|after| BEGINNING + Duration::from_secs(after.into())));
            }
            Self::Finalizer(uid) => world.set_finalizer_by_hand(uid, true),
            Self::Live(live) => world.each_tenant(|tenant| tenant.live = live),
            Self::Flag(on) => world.switch_flag(on),
            Self::OrganizationGone => world.scalekit.organizations.clear(),
            Self::Application(application) => world.scalekit.application = application,
            Self::Down(kind) => world.scalekit.down = kind,
            Self::Trouble(on, nth, trouble) => world.trouble(on, nth, trouble),
            Self::CredentialsMissing => world.credentials_missing(),
            Self::NamespaceGoes => {
                world.namespace_terminating = true;
                world.kept = Some(super::world::access(HOST));
            }
            Self::CredentialsBack => world.credentials = Ok(super::world::access(HOST)),
            // a second host name is only known for one where the environment says so
            Self::SecretLeadsTo(CUSTOM_DOMAIN) if world.scalekit.issuer.is_none() => {}
            Self::SecretLeadsTo(host) => world.secret_leads_to(host),
            Self::Wait(seconds) => world.advance(Duration::from_secs(seconds)),
            Self::Restart => world.restart(),
            Self::Watch(silent) => world.watch.silent = silent,
        }
    }
}

impl Run {
    /// Lets it all happen; `each` sees the world after every event.
    pub(crate) fn play(&self, mut each: impl FnMut(&mut World, &Action) -> Result<(), TestCaseError>) -> TestResult {
        let mut world = World::new();
        world.scalekit.habits = self.habits.clone();
        world.settings.revert_delay = Duration::from_secs(self.revert_delay);
        world.settings.disable_feature = self.disable_feature;
        world.scalekit.issuer = self.issuer.then(|| ISSUER.into());
        world.sweeps = self.sweeps;
        world.step = self.step;
        world.watch.serves = self.caches;
        for event in &self.events {
            match event {
                Action::Reconciled(uid, meanwhile) if world.knows(*uid) => {
                    if let Some((before, change)) = meanwhile.clone() {
                        world.meanwhile(before, move |world| change.happen(world));
                    }
                    world.reconcile(*uid);
                }
                Action::Crash(uid, crash) if world.knows(*uid) => drop(world.run(*uid, Some(*crash))),
                Action::Fight(uid, times) if world.knows(*uid) => {
                    for _ in 0..*times {
                        world.each_tenant(|tenant| tenant.live = foreign());
                        world.reconcile(*uid);
                    }
                }
                Action::HandOver(uid, spec) if world.knows(*uid) => {
                    world.reconcile(*uid);
                    let successor = world.declare(spec.clone());
                    world.delete(*uid);
                    for uid in [*uid, successor, *uid] {
                        world.reconcile(uid);
                    }
                }
                Action::Change(change) => change.happen(&mut world),
                Action::Reconciled(..) | Action::Crash(..) | Action::Fight(..) | Action::HandOver(..) => {}
            }
            each(&mut world, event)?;
        }
        Ok(world)
    }
}

/// The longest that anything is suspended, in seconds after the beginning.
pub(crate) const LAST: u32 = 20_000;

pub(crate) type TestResult = Result<World, TestCaseError>;

/// So many cases; a failing one is to become a table test, not a seed file.
pub(crate) fn cases(n: u32) -> ProptestConfig {
    ProptestConfig { cases: n, failure_persistence: None, ..ProptestConfig::default() }
}

pub(crate) fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::Application),
        Just(declared()),
        Just(custom(240, 30)),
        Just(custom(600, None)),
        Just(custom(120, None)),
    ]
}

pub(crate) fn declarations() -> impl Strategy<Value = ValidatedSpec> {
    let mode = prop_oneof![3 => Just(Mode::Enforce), 2 => Just(Mode::TightenOnly), 1 => Just(Mode::Observe)];
    let deletion = prop_oneof![
        3 => Just(DeletionPolicy::Revert),
        1 => Just(DeletionPolicy::Retain),
        1 => Just(DeletionPolicy::Restore),
    ];
    (policies(), mode, deletion, prop::bool::weighted(0.1), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        |(policy, mode, deletion, suspend, external, second)| {
            let secret = second.then(|| SECRET.to_owned());
            let organization = if external { by_external_id("tenant-1") } else { enforce(policy).organization };
            ValidatedSpec {
                organization,
                policy,
                mode,
                deletion,
                suspend,
                suspended_until: None,
                interval: None,
                secret,
            }
        },
    )
}

fn kinds() -> impl Strategy<Value = ErrorKind> {
    use ErrorKind::{
        AuthFailed, BadAuthResponse, BadResponse, Conflict, CredentialsRejected, Forbidden, NotFound, Rejected,
        TimedOut, Tls, Unavailable, Unreachable, Unsupported,
    };
    let limited = ErrorKind::RateLimited { retry_after: Duration::from_secs(30) };
    prop::sample::select(vec![
        AuthFailed,
        BadAuthResponse,
        BadResponse,
        Conflict,
        CredentialsRejected,
        Forbidden,
        NotFound,
        Rejected,
        TimedOut,
        Tls,
        Unavailable,
        Unreachable,
        Unsupported,
        limited,
    ])
}

/// The kinds after which nobody knows what became of a write.
fn unknown_kinds() -> impl Strategy<Value = ErrorKind> {
    use ErrorKind::{BadResponse, TimedOut, Unavailable, Unreachable};
    prop::sample::select(vec![BadResponse, TimedOut, Unavailable, Unreachable])
}

fn late() -> impl Strategy<Value = Duration> {
    (1u64..20).prop_map(Duration::from_secs) // less than the settle time
}

fn troubles() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        kinds().prop_map(Trouble::Refused),
        unknown_kinds().prop_map(Trouble::Lost),
        unknown_kinds().prop_map(Trouble::ResponseLost),
        (unknown_kinds(), late()).prop_map(|(kind, by)| Trouble::Late(kind, by)),
    ]
}

fn lives() -> impl Strategy<Value = Live> {
    prop_oneof![4 => policies().prop_map(Live::from), 1 => Just(Live::Unrecognized)]
}

fn changes() -> impl Strategy<Value = Change> {
    use On::{Anything, ApplicationPolicy, Features, Organization, ReadPolicy, WritePolicy};
    let on = prop::sample::select(vec![Anything, ApplicationPolicy, Features, Organization, ReadPolicy, WritePolicy]);
    let applications = prop_oneof![
        Just(Ok(application(10_080, 5))),
        Just(Ok(application(300, 5))),
        Just(Ok(application(10_080, 200))),
        Just(Err(ErrorKind::Forbidden)),
    ];
    prop_oneof![
        1 => declarations().prop_map(Change::Declare),
        4 => (1u32..3, declarations()).prop_map(|(uid, d)| Change::Edit(uid, d)),
        2 => (1u32..3).prop_map(Change::Delete),
        1 => (1u32..3, option::weighted(0.8, 0..LAST)).prop_map(|(uid, after)| Change::SuspendUntil(uid, after)),
        1 => (1u32..3).prop_map(Change::Finalizer),
        3 => lives().prop_map(Change::Live),
        2 => any::<bool>().prop_map(Change::Flag),
        1 => Just(Change::OrganizationGone),
        1 => applications.prop_map(Change::Application),
        1 => option::of(kinds()).prop_map(Change::Down),
        8 => (on, 0usize..3, troubles()).prop_map(|(on, nth, trouble)| Change::Trouble(on, nth, trouble)),
        2 => Just(Change::CredentialsMissing),
        1 => Just(Change::CredentialsBack),
        1 => prop::sample::select(vec![HOST, CUSTOM_DOMAIN, "other.scalekit.com"]).prop_map(Change::SecretLeadsTo),
        1 => Just(Change::NamespaceGoes),
        2 => (1u64..8000).prop_map(Change::Wait),
        1 => Just(Change::Restart),
        2 => any::<bool>().prop_map(Change::Watch),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    let normalise: fn(Policy) -> Live = |_| no_idle(480);
    let odd = |p| prop::bool::weighted(p);
    let omits = prop::sample::select(vec![Omits::Never, Omits::Never, Omits::WhenAllAreOff, Omits::Always]);
    let flags = (
        any::<bool>(),
        prop::sample::select(vec![None, None, Some("dir_sync"), Some("sso")]),
        option::weighted(0.1, kinds()),
        odd(0.1),
        odd(0.1),
        omits,
    );
    let policy = (
        odd(0.2),
        odd(0.2),
        option::weighted(0.1, Just(normalise)),
        option::weighted(0.1, lives()),
        option::weighted(0.1, kinds()),
        prop_oneof![8 => Just(0u8), 1 => 1u8..4],
        odd(0.05),
    );
    (flags, policy).prop_map(|(flags, policy)| Habits {
        replaces_features: flags.0,
        unknown_flag: flags.1,
        refuses_features: flags.2,
        keeps_flag_off: flags.3,
        flag_echo_lies: flags.4,
        omits_features: flags.5,
        gates_reads: policy.0,
        gates_writes: policy.1,
        normalises: policy.2,
        policy_echo: policy.3,
        refuses_policy: policy.4,
        lag: policy.5,
        lacks_policy_route: policy.6,
    })
}

/// One resource from the start, then whatever.
pub(crate) fn runs() -> impl Strategy<Value = Run> {
    let fates =
        prop_oneof![Just(Interrupted::NotSent), Just(Interrupted::CarriedOut), late().prop_map(Interrupted::Late)];
    let events = prop_oneof![
        6 => (1u32..3, option::weighted(0.2, (0usize..14, changes()))).prop_map(|(uid, m)| Action::Reconciled(uid, m)),
        1 => (1u32..3, 0usize..14, fates).prop_map(|(uid, at, interrupted)| Action::Crash(uid, Crash { at, interrupted })),
        1 => (1u32..3, 4usize..7).prop_map(|(uid, times)| Action::Fight(uid, times)),
        1 => (1u32..3, declarations()).prop_map(|(uid, spec)| Action::HandOver(uid, spec)),
        6 => changes().prop_map(Action::Change),
    ];
    let habits = prop_oneof![1 => Just(Habits::default()), 1 => habits()];
    let delay = prop_oneof![Just(0u64), Just(10u64)];
    let steps = prop::sample::select(vec![Duration::from_secs(1), Duration::from_millis(120), QUICK]);
    let run = (habits, delay, any::<bool>(), any::<[bool; 3]>(), steps, declarations(), vec(events, 1..24));
    run.prop_map(|(habits, revert_delay, disable_feature, [issuer, sweeps, caches], step, first, mut events)| {
        events.insert(0, Action::Change(Change::Declare(first)));
        Run { habits, revert_delay, disable_feature, issuer, sweeps, caches, step, events }
    })
}
