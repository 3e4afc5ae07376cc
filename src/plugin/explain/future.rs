//! What happens next, and when, if nobody does anything.

use super::super::{age, cluster::Hint, standing::Standing};
use crate::{
    crd::{self, DeletionPolicy, Mode, OrganizationSessionPolicy, ReportedRelease},
    reconcile::{ConditionStatus, ConditionType, Reason},
    terminal::Output,
};
use jiff::Timestamp;

pub(super) fn text(resource: &OrganizationSessionPolicy, hint: &Hint, output: &Output, now: Timestamp) -> String {
    let standing = Standing::of(resource);
    let release = standing.status().and_then(|status| status.release.as_ref());
    let mut text = String::from("\n");
    if standing.deleted().is_some() {
        text.push_str(&output.paragraph("Deletion     ", deletion(resource)));
    }
    if let Some(release) = release {
        text.push_str(&output.paragraph("Release      ", &announced(release, now)));
    }
    text.push_str(&output.paragraph("Next look    ", &next_look(&standing, resource, hint)));
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

/// As `reconcile::requeue` plans it.
fn next_look(standing: &Standing<'_>, resource: &OrganizationSessionPolicy, hint: &Hint) -> String {
    let interval = match &resource.spec.interval {
        Some(interval) => format!("every {interval} (spec.interval)"),
        None => "at the operator's interval, 10m unless it was started with another one".to_owned(),
    };
    let resumed = format!("none before `{}`", hint.to("resume", standing.name()));
    let when = match Reason::parse(standing.ready().reason) {
        Some(Reason::Suspended) => return resumed,
        Some(Reason::Uninstalled) => return "none before an operator runs again".into(),
        Some(Reason::NotChecked) => return "at once, if an operator runs that watches this namespace".into(),
        Some(Reason::InvalidSpec) if crd::validate(&resource.spec).is_err() => return "when the spec changes".into(),
        Some(
            Reason::FeatureUnavailable
            | Reason::FeatureNotEnabled
            | Reason::NotApplied
            | Reason::UnrecognizedLivePolicy
            | Reason::RejectedByApi
            | Reason::ApiNotSupported,
        ) => "within an hour".to_owned(),
        Some(Reason::OrganizationNotFound) => "within 10 minutes".to_owned(),
        Some(Reason::Forbidden) => "within 5 minutes".to_owned(),
        Some(
            Reason::CredentialsMissing
            | Reason::CredentialsIncomplete
            | Reason::CredentialsNotAllowed
            | Reason::CredentialsRejected
            | Reason::AuthFailed,
        ) => "within a minute".to_owned(),
        _ if standing.truth(ConditionType::Reconciling) == ConditionStatus::True => {
            "after pauses of at most 5 minutes".to_owned()
        }
        _ => interval,
    };
    format!("{when}, and when the spec changes; `{}` asks for one now", hint.to("reconcile", standing.name()))
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
}
