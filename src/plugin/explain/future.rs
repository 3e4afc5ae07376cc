//! What the operator does next by itself, and when: its next reconcile, and what it does before a
//! deleted resource is gone.

use super::super::{age, cluster::Hint, output::fact, summary::Summary};
use crate::{
    crd::ReportedRelease,
    policy::Mode,
    reconcile::{ConditionType, NextReconcile, Reason, Release, next_reconcile, restores, without_revert},
    terminal::Output,
};
use jiff::Timestamp;
use std::time::Duration;

/// What is known of the operator that keeps a resource.
#[derive(Clone, Copy)]
pub(super) struct Keeper {
    /// None is known to be gone.
    pub(super) kept: bool,
    /// The time between two reconciles of a resource that sets none, as its Lease says.
    pub(super) interval: Option<Duration>,
}

/// `operator`: what is known of who keeps the resource.
pub(super) fn text(summary: &Summary<'_>, operator: Keeper, hint: &Hint, output: &Output, now: Timestamp) -> String {
    let mut text = String::from("\n");
    if summary.deleted().is_some() {
        text.push_str(&fact(output, "Deletion", deletion(summary)));
    }
    if let Some(release) = summary.status.and_then(|status| status.release.as_ref()) {
        text.push_str(&fact(output, "Release", &announced(release, now)));
    }
    text.push_str(&fact(
        output,
        "Next reconcile",
        &if operator.kept { next(summary, operator.interval, hint) } else { NOBODY.into() },
    ));
    text
}

/// Says what deleting the resource does to the organization's policy.
pub(in crate::plugin) fn deletion(summary: &Summary<'_>) -> &'static str {
    let Ok(spec) = &summary.spec else {
        return "the resource waits for a valid spec, since an invalid one does not say what to set back";
    };
    match (without_revert(spec, summary.past(), summary.live().as_ref()), spec.mode) {
        (Some(Release::NothingToRevert), Mode::Observe) => "Observe never writes, so the policy stays in Scalekit",
        (Some(Release::NothingToRevert), _) => "the policy stays in Scalekit (deletionPolicy Retain)",
        (Some(Release::CustomersOwn), _) => {
            "the live policy is not the declared one, so it is the customer's own and stays (TightenOnly)"
        }
        (Some(Release::Restored), _) => "the organization has the policy already that it had before (status.adopted)",
        (Some(_), _) => "the organization inherits the application's policy already",
        (None, _) if restores(spec, summary.past().adopted) => {
            "first the organization gets the policy back that it had before (status.adopted)"
        }
        (None, Mode::TightenOnly) => {
            "first the organization is set back to inherit the application's policy, if the live one is exactly the \
             declared one; another one is the customer's own and stays"
        }
        (None, _) => "first the organization is set back to inherit the application's policy",
    }
}

fn announced(release: &ReportedRelease, now: Timestamp) -> String {
    let when = match release.at.parse::<Timestamp>() {
        Ok(at) if at > now => format!("in {}, at {}", age::span(now, at), age::exact(at)),
        Ok(at) => format!("now ({})", age::exact(at)),
        Err(_) => format!("at {}", release.at),
    };
    if matches!(Reason::parse(&release.reason), Some(Reason::Deleting | Reason::HandingOver)) {
        return format!("{when}, the organization is set back, unless another resource has taken over until then");
    }
    format!(
        "{when}, the resource goes all the same, and its policy stays in Scalekit. It is set back first if {} is put \
         right before; spec.deletionPolicy: Retain lets it go at once",
        release.reason
    )
}

const NOBODY: &str = "none before an operator runs again";

/// Says when the operator, with this `default` interval, reconciles next by itself, and the command that requests it now.
fn next(summary: &Summary<'_>, default: Option<Duration>, hint: &Hint) -> String {
    let ready = Reason::parse(summary.ready().reason);
    let synced = summary.condition(ConditionType::Synced).and_then(|synced| Reason::parse(&synced.reason));
    let release = summary.status.and_then(|status| Reason::parse(&status.release.as_ref()?.reason));
    let interval = summary.spec.as_ref().ok().and_then(|spec| spec.interval);
    let when = match ready.map(|reason| next_reconcile(reason, synced, release, summary.spec.is_ok())) {
        Some(NextReconcile::Never) => match ready {
            Some(Reason::Suspended) => {
                let resume = hint.to("resume", summary.name());
                let until = summary.suspended_until().map(|until| format!("{until}, or ")).unwrap_or_default();
                return format!("none before {until}`{resume}`");
            }
            Some(Reason::Uninstalled) => return NOBODY.into(),
            _ => return "when the spec changes".into(),
        },
        Some(NextReconcile::Now) => return "at once, if an operator runs that watches this namespace".into(),
        Some(NextReconcile::Within(time)) => format!("within {}", in_words(time)),
        Some(NextReconcile::Retry(time)) => {
            format!("within {}, or after a longer pause that Scalekit asks for", in_words(time))
        }
        Some(NextReconcile::Interval) | None => match (interval, default) {
            (Some(interval), _) => format!("within {} (spec.interval)", in_words(interval)),
            (None, Some(interval)) => format!("within {} (the operator's interval)", in_words(interval)),
            (None, None) => "at the operator's interval, 10m unless it was started with another one".to_owned(),
        },
    };
    format!("{when}, and when the spec changes; `{}` asks for one now", hint.to("reconcile", summary.name()))
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_release_is_said_with_its_time() {
        let now = Timestamp::from_second(0).unwrap();
        let release =
            |at: &str| announced(&ReportedRelease { reason: "CredentialsMissing".into(), at: at.into() }, now);
        assert!(release("1970-01-01T01:00:00Z").starts_with("in 60m, at 1970-01-01 01:00:00 UTC, the resource goes"));
        assert!(release("1969-12-31T23:00:00Z").starts_with("now (1969-12-31 23:00:00 UTC), the resource"));
        assert!(release("soon").starts_with("at soon, the resource goes"));
    }

    #[test]
    fn a_time_is_said_in_words() {
        let words = [60, 300, 3600, 90].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(words, ["a minute", "5 minutes", "an hour", "90 seconds"]);
    }
}
