//! What a pass says about its resource: conditions and what was seen. The
//! rules are kstatus's: Ready always, Reconciling and Stalled only when True
//! and never both, `observedGeneration` on success and failure alike.

use super::{
    Application, Condition, CredentialsFlaw, CredentialsProblem, Fault, FaultKind, Hold, Kind, Outcome, Pinned,
    PlannedRelease, Reason, Resource, Truth, Verdict, View, condition::set,
};
use crate::policy::{Difference, Live, Mode, Policy, diff, looser_than_application, summary};

/// A status to be; the shell adds times and writes it only when something
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Report {
    /// The generation this speaks of.
    pub observed_generation: i64,
    /// The organization the resource means.
    pub pinned: Option<Pinned>,
    /// The live policy and its drift; `None`: not seen, what stands stays.
    pub seen: Option<Seen>,
    /// The application's policy.
    pub application: Application,
    /// All conditions.
    pub conditions: Vec<Condition>,
    /// The reconcile-now request that this pass answered; `None` while it works.
    pub handled_at: Option<String>,
    /// When a deletion that waits for a person comes to its end.
    pub release: Option<PlannedRelease>,
}

/// What a pass saw of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The live policy.
    pub live: Live,
    /// Where it is not the declared one.
    pub drift: Vec<Difference>,
}

impl Report {
    /// What to say while a pass works.
    pub fn progress(view: &View) -> Self {
        let mut report = Self { handled_at: None, ..Self::of(view) };
        let what = view.declaration().map(|d| d.policy.to_string()).unwrap_or_default();
        report.say_unsynced(view, Reason::Progressing);
        report.set(Kind::Ready, Truth::Unknown, Reason::Progressing, format!("applying {what}"));
        report.set(Kind::Reconciling, Truth::True, Reason::Progressing, format!("applying {what}"));
        report
    }

    /// What to say at the end of a pass; `None` when no resource is left to
    /// say it on.
    pub fn after(view: &View, outcome: &Outcome) -> Option<Self> {
        let resource = view.here()?;
        let mut report = Self::of(view);
        match outcome {
            Outcome::Released(_) if view.letting_go => {
                report.set(Kind::Ready, Truth::Unknown, Reason::LetGo, said(Reason::LetGo, ""));
                report.set(Kind::Synced, Truth::Unknown, Reason::LetGo, said(Reason::LetGo, ""));
            }
            Outcome::Gone | Outcome::Released(_) => return None,
            Outcome::Suspended => {
                let message = said(Reason::Suspended, "");
                report.set(Kind::Ready, Truth::Unknown, Reason::Suspended, &message);
                report.set(Kind::Synced, Truth::Unknown, Reason::Suspended, &message);
            }
            Outcome::InvalidSpec(violations) => {
                report.stall(view, Reason::InvalidSpec, violations.join("; "));
            }
            Outcome::Credentials(problem) => report.credentials(view, problem),
            Outcome::Conflict { winner } => {
                let owner = match winner {
                    Some(name) => format!("the resource {name:?} is older"),
                    None => "a resource in another namespace is older".into(),
                };
                report.stall(view, Reason::Conflict, said(Reason::Conflict, &owner));
            }
            Outcome::Contended => report.stall(view, Reason::Contended, said(Reason::Contended, "")),
            Outcome::Looked(Verdict::Fault(fault)) => report.fault(view, resource, fault),
            Outcome::Looked(verdict) => report.looked(view, verdict),
            Outcome::Holding { hold, release_at } => {
                let (reason, why) = hold_reason(hold);
                let message = format!(
                    "{why} Without that the resource goes at {release_at} and the policy stays in Scalekit \
                     (or at once with spec.deletionPolicy: Retain)."
                );
                report.pend(view, Truth::False, reason, message);
                report.release = Some(PlannedRelease { reason, at: *release_at });
            }
            Outcome::CleanupPending(fault) => {
                let because = format!("{}: {}", reason_of(fault.kind), reason_of(fault.kind).means());
                report.pend(view, Truth::False, Reason::CleanupPending, said(Reason::CleanupPending, &because));
            }
            Outcome::Settling(_) => {
                report.pend(
                    view,
                    Truth::False,
                    Reason::Deleting,
                    said(Reason::Deleting, "an earlier write may still land"),
                );
            }
            Outcome::Crashed(how) => {
                report.pend(view, Truth::False, Reason::InternalError, said(Reason::InternalError, how));
            }
        }
        Some(report)
    }

    /// What stands, with what this pass saw.
    fn of(view: &View) -> Self {
        let resource = view.here();
        let mut conditions = resource.map(|r| r.conditions.clone()).unwrap_or_default();
        conditions.retain(|c| !matches!(c.kind, Kind::Reconciling | Kind::Stalled));
        let mut report = Self {
            observed_generation: resource.map_or(-1, |r| r.generation),
            pinned: pin(view, resource),
            seen: seen(view),
            application: view.sight.application,
            conditions,
            handled_at: resource.and_then(|r| r.requested_at.clone()),
            release: resource.filter(|_| view.deleting()).and_then(|r| r.release.clone()),
        };
        report.say_feature(view);
        report.say_effective(view);
        report
    }

    fn set(&mut self, kind: Kind, status: Truth, reason: Reason, message: impl Into<String>) {
        set(&mut self.conditions, Condition::new(kind, status, reason, message));
    }

    fn has(&self, kind: Kind) -> bool {
        self.conditions.iter().any(|c| c.kind == kind)
    }

    /// A person is needed.
    fn stall(&mut self, view: &View, reason: Reason, message: impl Into<String>) {
        let message = message.into();
        self.say_unsynced(view, reason);
        self.set(Kind::Ready, Truth::False, reason, &message);
        self.set(Kind::Stalled, Truth::True, reason, &message);
    }

    /// Something is still to be done, and the operator will.
    fn pend(&mut self, view: &View, ready: Truth, reason: Reason, message: impl Into<String>) {
        let message = message.into();
        self.say_unsynced(view, reason);
        self.set(Kind::Ready, ready, reason, &message);
        self.set(Kind::Reconciling, Truth::True, reason, &message);
    }

    fn credentials(&mut self, view: &View, problem: &CredentialsProblem) {
        let reason = problem.flaw.reason();
        let message = said(reason, &problem.message);
        match problem.flaw {
            // it often comes seconds after its resource
            CredentialsFlaw::Missing => self.pend(view, Truth::False, reason, message),
            CredentialsFlaw::Incomplete | CredentialsFlaw::NotAllowed => self.stall(view, reason, message),
        }
    }

    fn looked(&mut self, view: &View, verdict: &Verdict) {
        let live = view.sight.live.map(|l| l.to_string()).unwrap_or_default();
        match problem(verdict, &named(view), &live) {
            None => self.done(view, verdict, &live),
            Some((reason, message)) => self.stall(view, reason, message),
        }
    }

    fn done(&mut self, view: &View, verdict: &Verdict, live: &str) {
        let (synced, reason) = match verdict {
            Verdict::InSync => (Truth::True, Reason::InSync),
            Verdict::StricterKept => (Truth::False, Reason::StricterKept),
            _ => (Truth::False, Reason::DriftDetected),
        };
        let message = match (verdict, &self.seen) {
            (Verdict::InSync, _) | (_, None) => format!("the session policy of {} is {live}", named(view)),
            (_, Some(seen)) => summary(&seen.drift),
        };
        self.set(Kind::Ready, Truth::True, reason, &message);
        self.set(Kind::Synced, synced, reason, &message);
    }

    /// An outage. With something pending the user hears of it at once; with
    /// nothing pending not before it has lasted an interval, so that a blip
    /// does not write ten thousand statuses.
    fn fault(&mut self, view: &View, resource: &Resource, fault: &Fault) {
        let reason = reason_of(fault.kind);
        if is_terminal(fault.kind) {
            let source = view.access().map(|a| format!("{}, {}", fault.detail, a.source)).unwrap_or_default();
            return self.stall(view, reason, said(reason, &source));
        }
        let message = said(reason, "");
        if pending(view, resource) {
            return self.pend(view, Truth::Unknown, reason, message);
        }
        let stalled = resource.conditions.iter().find(|c| c.kind == Kind::Stalled);
        if let Some(stalled) = stalled {
            set(&mut self.conditions, stalled.clone());
        }
        let outage = view.history.unseen_for;
        let interval = view.interval();
        if outage >= interval {
            self.set(Kind::Synced, Truth::Unknown, reason, &message);
        }
        if outage >= interval.saturating_mul(3) && stalled.is_none() {
            self.set(Kind::Ready, Truth::Unknown, Reason::Stale, said(Reason::Stale, ""));
        }
    }

    /// Synced as far as this pass knows.
    fn say_unsynced(&mut self, view: &View, reason: Reason) {
        match self.seen.as_ref().map(|seen| &seen.drift) {
            Some(drift) if !drift.is_empty() => {
                self.set(Kind::Synced, Truth::False, Reason::DriftDetected, summary(drift));
            }
            _ => {
                let message = format!("the live policy of {} is not known to be the declared one", named(view));
                self.set(Kind::Synced, Truth::Unknown, reason, message);
            }
        }
    }

    fn say_feature(&mut self, view: &View) {
        let seen = view.sight.organization.as_ref();
        let tried =
            view.sight.flag.tries > 0 || view.goal().is_some_and(|goal| goal.untold || goal.mode == Mode::Observe);
        match seen.map(|o| o.session_policy_enabled()) {
            Some(false) if tried && seen.is_some_and(|o| !o.told) => {
                self.set(Kind::FeatureEnabled, Truth::Unknown, Reason::NotTold, Reason::NotTold.means());
            }
            Some(true) => self.set(Kind::FeatureEnabled, Truth::True, Reason::Enabled, Reason::Enabled.means()),
            Some(false) => self.set(Kind::FeatureEnabled, Truth::False, Reason::Disabled, Reason::Disabled.means()),
            None if self.has(Kind::FeatureEnabled) => {}
            None => self.set(Kind::FeatureEnabled, Truth::Unknown, Reason::NotChecked, Reason::NotChecked.means()),
        }
    }

    fn say_effective(&mut self, view: &View) {
        let declared = view.declaration().map(|d| d.policy);
        match (self.application, declared) {
            (Application::Known(application), Some(declared)) => {
                let pointless = looser_than_application(&declared, application.bounds);
                let sentences: Vec<String> = pointless
                    .iter()
                    .map(|(field, own, app)| {
                        let field = field.word();
                        format!("{field} {own} is looser than the application's {app}: it has no effect")
                    })
                    .collect();
                if sentences.is_empty() {
                    let message = Reason::AppliesFully.means();
                    self.set(Kind::Effective, Truth::True, Reason::AppliesFully, message);
                } else {
                    self.set(Kind::Effective, Truth::False, Reason::LooserThanApplication, sentences.join("; "));
                }
            }
            (Application::Unreadable, _) => {
                let reason = Reason::ApplicationPolicyUnreadable;
                self.set(Kind::Effective, Truth::Unknown, reason, reason.means());
            }
            _ if self.has(Kind::Effective) => {}
            _ => self.set(Kind::Effective, Truth::Unknown, Reason::NotChecked, Reason::NotChecked.means()),
        }
    }
}

fn seen(view: &View) -> Option<Seen> {
    let (live, declared) = (view.sight.live?, view.declaration()?.policy);
    // inheriting is the goal of a deletion, so it is no drift there
    let desired = if view.deleting() { Policy::Application } else { declared };
    Some(Seen { live, drift: diff(&desired, &live) })
}

/// The organization this pass found, unless another one was pinned here: a pin
/// is moved by a person, never by us.
fn pin(view: &View, resource: Option<&Resource>) -> Option<Pinned> {
    let pinned = resource.and_then(|r| r.pinned.clone());
    let here = view.access().zip(view.sight.resolved.clone());
    match (pinned, here) {
        (Some(pinned), Some((access, _))) if pinned.environment == access.environment => Some(pinned),
        (Some(pinned), _) if view.deleting() => Some(pinned),
        (_, Some((access, organization))) => Some(Pinned { environment: access.environment.clone(), organization }),
        (pinned, None) => pinned,
    }
}

/// Whether the user waits for something.
fn pending(view: &View, resource: &Resource) -> bool {
    let ready = resource.conditions.iter().find(|c| c.kind == Kind::Ready);
    let stalled = resource.conditions.iter().any(|c| c.kind == Kind::Stalled);
    let was_ready = ready.is_some_and(|c| c.status == Truth::True || c.reason == Reason::Stale);
    resource.observed_generation != resource.generation
        || view.deleting()
        || view.progress_reported
        || view.sight.wrote_policy()
        || view.sight.flag.before.is_some()
        || !(was_ready || stalled)
}

fn named(view: &View) -> String {
    let resolved = view.sight.resolved.as_ref().map(ToString::to_string);
    resolved.or_else(|| view.declaration().map(|d| d.organization.to_string())).unwrap_or_default()
}

/// Why the organization is not, and does not stay, as far as its mode goes, in
/// a sentence for people; `None` when it is.
pub fn problem(verdict: &Verdict, organization: &str, live: &str) -> Option<(Reason, String)> {
    let (reason, detail) = match verdict {
        Verdict::InSync | Verdict::StricterKept | Verdict::Drifted => return None,
        Verdict::ChainViolated(violation) => return Some((Reason::InvalidSpec, violation.to_string())),
        Verdict::OrganizationChanged { pinned, found } => {
            (Reason::OrganizationChanged, format!("was {pinned}, is {found}"))
        }
        Verdict::OrganizationNotFound => (Reason::OrganizationNotFound, organization.to_owned()),
        Verdict::FeatureUnavailable(detail) => (Reason::FeatureUnavailable, detail.to_string()),
        Verdict::FeatureNotEnabled => (Reason::FeatureNotEnabled, organization.to_owned()),
        Verdict::NotApplied => (Reason::NotApplied, format!("live: {live}")),
        Verdict::Unrecognized => (Reason::UnrecognizedLivePolicy, String::new()),
        Verdict::Rejected(detail) => (Reason::RejectedByApi, detail.to_string()),
        Verdict::Unsupported => (Reason::ApiNotSupported, String::new()),
        Verdict::Fault(fault) => (reason_of(fault.kind), fault.detail.to_string()),
    };
    Some((reason, said(reason, &detail)))
}

/// What a reason means, the case at hand, and what to do.
fn said(reason: Reason, detail: &str) -> String {
    match detail {
        "" => format!("{} {}", reason.means(), reason.act()),
        detail => format!("{} ({detail}). {}", reason.means().trim_end_matches('.'), reason.act()),
    }
}

pub(super) fn hold_reason(hold: &Hold) -> (Reason, String) {
    match hold {
        Hold::Credentials(problem) => (problem.flaw.reason(), said(problem.flaw.reason(), &problem.message)),
        Hold::EnvironmentChanged { pinned, found } => {
            let detail = format!("written to {pinned}, credentials for {found}");
            (Reason::EnvironmentChanged, said(Reason::EnvironmentChanged, &detail))
        }
        Hold::InvalidSpec => (Reason::InvalidSpec, said(Reason::InvalidSpec, "")),
        Hold::Refused(fault) => {
            let reason = reason_of(fault.kind);
            (reason, said(reason, &fault.detail.to_string()))
        }
    }
}

/// Whether waiting alone can't help.
pub(super) const fn is_terminal(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::CredentialsRejected
            | FaultKind::AuthFailed
            | FaultKind::Forbidden
            | FaultKind::Rejected
            | FaultKind::Unsupported
    )
}

/// The reason that a fault of this kind is reported with.
pub const fn reason_of(kind: FaultKind) -> Reason {
    match kind {
        FaultKind::CredentialsRejected => Reason::CredentialsRejected,
        FaultKind::AuthFailed => Reason::AuthFailed,
        FaultKind::BadAuthResponse => Reason::BadAuthResponse,
        FaultKind::Forbidden => Reason::Forbidden,
        FaultKind::NotFound => Reason::OrganizationNotFound,
        FaultKind::Conflict => Reason::WriteConflict,
        FaultKind::RateLimited { .. } => Reason::RateLimited,
        FaultKind::Rejected => Reason::RejectedByApi,
        FaultKind::Unsupported => Reason::ApiNotSupported,
        FaultKind::Unavailable => Reason::ApiUnavailable,
        FaultKind::TimedOut => Reason::TimedOut,
        FaultKind::Unreachable => Reason::ApiUnreachable,
        FaultKind::Tls => Reason::TlsError,
        FaultKind::BadResponse => Reason::BadResponse,
    }
}
