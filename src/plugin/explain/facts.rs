//! The declared policy, the live one, the application's, and the limits that apply to new sessions.

use super::super::{delivery::Delivery, limits, output, summary::Summary};
use crate::{
    crd::{ApplicationLimits, EffectiveLimit},
    policy::{Bounds, Minutes, Mode},
    terminal::Output,
};

pub(super) fn text(summary: &Summary<'_>, delivery: Option<Delivery>, output: &Output) -> String {
    let mut text = String::from("\n");
    let mut fact = |label: &str, value: &str| text.push_str(&output::fact(output, label, value));
    fact("Organization", &organization(summary));
    match &summary.spec {
        Ok(spec) => {
            fact("Declared", &spec.policy.to_string());
            fact("", &format!("mode {}: {}", spec.mode.name(), meaning(spec.mode)));
        }
        Err(violations) => fact("Declared", violations),
    }
    for lacking in summary.without_unit() {
        fact("", &format!("counts as minutes: {}", lacking.message));
    }
    if let Some(until) = summary.suspended_until() {
        fact("", &format!("suspended until {until}"));
    }
    if let Some(reason) = summary.suspend_reason() {
        fact("", &format!("suspended because: {reason}"));
    }
    if let Some(delivery) = delivery {
        fact("", &format!("delivered by {delivery}"));
    }
    let (status, live) = (summary.status, summary.live());
    fact("Live", &live.map_or_else(|| "not read yet".to_owned(), |live| live.to_string()));
    let application = status.and_then(|status| status.application_policy.as_ref());
    fact("Application", &application.map_or_else(|| "its policy is not known".to_owned(), limits_of));
    match status.zip(application).filter(|(status, _)| status.effective_policy.is_some()) {
        Some((status, application)) => {
            let application = Bounds::from(application);
            let own = live.as_ref().map(Bounds::from).unwrap_or_default();
            let effective = status.effective_policy.clone().unwrap_or_default();
            let absolute = effective.absolute_session_timeout.as_ref();
            fact("Effective", &applies("absolute", absolute, own.absolute, application.absolute));
            fact("", &applies("idle", effective.idle_session_timeout.as_ref(), own.idle, application.idle));
        }
        None => fact("Effective", "of both policies the stricter value of each field; one of them is not known"),
    }
    text
}

fn organization(summary: &Summary<'_>) -> String {
    let status = summary.status;
    let declared = summary.spec.as_ref().map_or_else(|_| summary.organization(), |spec| spec.organization.described());
    let found = status.and_then(|status| status.organization_id.as_deref()).filter(|id| *id != declared);
    let found = found.map(|id| format!(" ({id})")).unwrap_or_default();
    let place = status.and_then(|status| status.environment.as_deref());
    let place = place.map(|host| format!(" at {host}")).unwrap_or_default();
    let issuer = status.and_then(|status| status.issuer.as_deref());
    let issuer = issuer.map(|issuer| format!(", which calls itself {issuer}")).unwrap_or_default();
    format!("{declared}{found}{place}{issuer}")
}

const fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "the operator makes it so",
        Mode::TightenOnly => "the operator changes a field only where that is stricter than what is live",
        Mode::Observe => "the operator reports what differs and writes nothing",
    }
}

fn limits_of(limits: &ApplicationLimits) -> String {
    let limit = |number: Option<i32>| number.map_or_else(|| "none".to_owned(), limits::format_minutes);
    let token = limits.access_token_expiry.map(|n| format!("; access tokens live {}", limits::format_minutes(n)));
    let (absolute, idle) = (limit(limits.absolute_session_timeout), limit(limits.idle_session_timeout));
    format!("absolute {absolute}, idle {idle}{}", token.unwrap_or_default())
}

/// Says which limit applies to `field`, and why. `own` is the organization's limit, `app` the
/// application's.
fn applies(field: &str, limit: Option<&EffectiveLimit>, own: Option<Minutes>, app: Option<Minutes>) -> String {
    let Some(limit) = limit else { return format!("{field} without a limit: neither side sets one") };
    let value = limits::format_minutes(limit.minutes);
    let (side, other_side, other) = match limit.from.as_str() {
        "application" => ("the application's", "the organization", own),
        _ => ("the organization's", "the application", app),
    };
    let why = match other {
        None => format!("{other_side} sets none"),
        Some(other) if other.get() == limit.minutes => format!("{other_side} has the same"),
        Some(other) => format!("it is stricter than the {other} of {other_side}"),
    };
    format!("{field} {value}: {side}; {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_winning_side_is_named_with_the_reason() {
        let minutes = |n| Minutes::new(n);
        let limit = |minutes, from: &str| Some(EffectiveLimit { minutes, from: from.into() });
        let own = limit(480, "organization");
        for (limit, own, app, said) in [
            (&own, 480, 1440, "absolute 8h: the organization's; it is stricter than the 1d of the application"),
            (&own, 480, 480, "absolute 8h: the organization's; the application has the same"),
            (&own, 480, 0, "absolute 8h: the organization's; the application sets none"),
            (
                &limit(480, "application"),
                1440,
                480,
                "absolute 8h: the application's; it is stricter than the 1d of the organization",
            ),
            (&limit(480, "application"), 0, 480, "absolute 8h: the application's; the organization sets none"),
            (&None, 0, 0, "absolute without a limit: neither side sets one"),
        ] {
            assert_eq!(applies("absolute", limit.as_ref(), minutes(own), minutes(app)), said);
        }
    }
}
