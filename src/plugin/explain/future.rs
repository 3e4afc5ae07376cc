//! What the operator does next by itself, and when: its next reconcile, and what
//! a deletion does before the resource goes.

use super::super::{age, cluster::Hint, summary::Summary};
use crate::{
    crd::{self, DeletionPolicy, Mode, OrganizationSessionPolicy, ReportedRelease},
    reconcile::{ConditionStatus, ConditionType, MAX_BACKOFF, Reason, retry_within},
    terminal::Output,
};
use jiff::Timestamp;
use std::time::Duration;

pub(super) fn text(resource: &OrganizationSessionPolicy, hint: &Hint, output: &Output, now: Timestamp) -> String {
    let summary = Summary::of(resource);
    let release = summary.status().and_then(|status| status.release.as_ref());
    let mut text = String::from("\n");
    if summary.deleted().is_some() {
        text.push_str(&super::fact(output, "Deletion", deletion(resource)));
    }
    if let Some(release) = release {
        text.push_str(&super::fact(output, "Release", &announced(release, now)));
    }
    text.push_str(&super::fact(output, "Next reconcile", &next_reconcile(&summary, resource, hint)));
    text
}

const fn deletion(resource: &OrganizationSessionPolicy) -> &'static str {
    match (resource.spec.deletion_policy, resource.spec.mode) {
        (DeletionPolicy::Retain, _) => "the resource goes, and the policy stays in Scalekit (deletionPolicy Retain)",
        (_, Mode::Observe) => "the resource goes; Observe never writes, so the policy stays in Scalekit",
        (_, Mode::TightenOnly) => {
            "first the organization is set back to inherit the application's policy, if the live one is exactly the \
             declared one; a stricter one is the customer's own and stays"
        }
        (_, Mode::Enforce) => "first the organization is set back to inherit the application's policy",
    }
}

fn announced(release: &ReportedRelease, now: Timestamp) -> String {
    let when = match release.at.parse::<Timestamp>() {
        Ok(at) if at > now => format!("in {}, at {}", age::span(now, at), age::exact(at)),
        Ok(at) => format!("now ({})", age::exact(at)),
        Err(_) => format!("at {}", release.at),
    };
    format!(
        "{when}, the resource goes all the same, and its policy stays in Scalekit. It is set back first if {} is put \
         right before; spec.deletionPolicy: Retain lets it go at once",
        release.reason
    )
}

/// When the operator reconciles next by itself, and the command that makes it
/// reconcile now. The times are those of `reconcile::requeue`.
fn next_reconcile(summary: &Summary<'_>, resource: &OrganizationSessionPolicy, hint: &Hint) -> String {
    let interval = match &resource.spec.interval {
        Some(interval) => format!("every {interval} (spec.interval)"),
        None => "at the operator's interval, 10m unless it was started with another one".to_owned(),
    };
    let reason = Reason::parse(summary.ready().reason);
    let when = match (reason, reason.and_then(retry_within)) {
        (Some(Reason::Suspended), _) => return format!("none before `{}`", hint.to("resume", summary.name())),
        (Some(Reason::Uninstalled), _) => return "none before an operator runs again".into(),
        (Some(Reason::NotChecked), _) => return "at once, if an operator runs that watches this namespace".into(),
        (Some(Reason::InvalidSpec), _) if crd::validate(&resource.spec).is_err() => {
            return "when the spec changes".into();
        }
        (_, Some(time)) => format!("within {}", in_words(time)),
        _ if summary.status_of(ConditionType::Reconciling) == ConditionStatus::True => {
            format!("after pauses of at most {}", in_words(MAX_BACKOFF))
        }
        _ => interval,
    };
    format!("{when}, and when the spec changes; `{}` asks for one now", hint.to("reconcile", summary.name()))
}

/// A time of whole minutes in a sentence.
fn in_words(time: Duration) -> String {
    match time.as_secs() / 60 {
        1 => "a minute".to_owned(),
        60 => "an hour".to_owned(),
        minutes => format!("{minutes} minutes"),
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
        let minutes = |n: u64| in_words(Duration::from_secs(60 * n));
        assert_eq!([minutes(1), minutes(5), minutes(60)], ["a minute", "5 minutes", "an hour"]);
    }
}
