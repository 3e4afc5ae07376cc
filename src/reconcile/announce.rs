//! What a pass is worth an event for: what was changed, and every change of
//! the reason for Ready.

use super::{Kind, Outcome, Reason, Release, Report, Truth, Verdict, View, condition::cut, report::hold_reason};

/// One event to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Announcement {
    /// A person should look.
    pub warning: bool,
    /// Its reason.
    pub reason: Reason,
    /// At most 512 bytes.
    pub note: String,
}

/// The events of a pass that ended in `outcome` and is reported as `report`.
pub fn announcements(view: &View, outcome: &Outcome, report: Option<&Report>) -> Vec<Announcement> {
    let mut events = Vec::new();
    let mut say = |warning, reason, note: String| {
        events.push(Announcement { warning, reason, note: cut(note) });
    };
    let flag = &view.sight.flag;
    if flag.before.is_some() && view.sight.organization.as_ref().is_some_and(|o| o.session_policy_enabled()) {
        say(false, Reason::FeatureEnabled, Reason::FeatureEnabled.means().into());
    }
    if !flag.changed_others.is_empty() {
        let names = flag.changed_others.join(", ");
        say(true, Reason::FeaturesChanged, format!("{} They are: {names}", Reason::FeaturesChanged.means()));
    }
    let applied = matches!(outcome, Outcome::Looked(Verdict::InSync | Verdict::StricterKept));
    if let Some(before) = view.sight.writes.before.filter(|_| applied && view.sight.wrote_policy()) {
        let now = view.sight.live.map(|live| live.to_string()).unwrap_or_default();
        let (warning, reason) = if view.was_ready() || view.was_contended() {
            (true, Reason::DriftCorrected)
        } else {
            (false, Reason::PolicyApplied)
        };
        say(warning, reason, format!("was {before}; is {now}"));
    }
    if let Outcome::Released(release) = outcome {
        let (warning, reason, note) = released(release);
        if let Some(reason) = reason {
            say(warning, reason, note);
        }
    }
    if let (Some(report), Some(before)) = (report, view.here().and_then(|r| r.pinned.as_ref()))
        && let Some(now) = report.pinned.as_ref().filter(|now| now.environment != before.environment)
    {
        let (from, to) = (&before.environment, &now.environment);
        let note = format!("{} Was {from}, is {to}.", Reason::EnvironmentMoved.means());
        say(true, Reason::EnvironmentMoved, note);
    }
    let ready = |conditions: &[super::Condition]| {
        conditions.iter().find(|c| c.kind == Kind::Ready).map(|c| (c.reason, c.status, c.message.clone()))
    };
    if let (Some(report), Some(resource)) = (report, view.here())
        && let Some((reason, status, message)) = ready(&report.conditions)
        && ready(&resource.conditions).is_none_or(|(before, ..)| before != reason)
    {
        say(status == Truth::False, reason, message);
    }
    events
}

fn released(release: &Release) -> (bool, Option<Reason>, String) {
    let plain = |reason: Reason| (false, Some(reason), reason.means().to_owned());
    match release {
        Release::Reverted => plain(Reason::Reverted),
        Release::HandedOver => plain(Reason::HandedOver),
        Release::OrganizationGone => plain(Reason::OrganizationGone),
        Release::CustomersOwn => plain(Reason::StricterKept),
        Release::NothingToRevert | Release::NotOwner => (false, None, String::new()),
        Release::Orphaned(hold) => {
            let (_, why) = hold_reason(hold);
            (true, Some(Reason::PolicyOrphaned), format!("{} Cause: {why}", Reason::PolicyOrphaned.means()))
        }
    }
}
