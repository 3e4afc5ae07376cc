//! The condition Effective: whether what applies to new sessions is what is declared.

use super::{Application, Condition, ConditionStatus, ConditionType, Reason, State};
use crate::policy::{Live, OtherLimit, looser_than_application, other_limits};

/// The condition as far as this reconcile knows; `None`: what was known of this generation still
/// holds.
pub(super) fn effective(state: &State) -> Option<Condition> {
    use ConditionStatus::{False, True, Unknown};
    let resource = state.here();
    let said =
        |status, reason: Reason, message: &str| Some(Condition::new(ConditionType::Effective, status, reason, message));
    let known = match (state.observation.application, state.spec()) {
        (Application::Unreadable, _) => {
            let reason = Reason::ApplicationPolicyUnreadable;
            return said(Unknown, reason, reason.means());
        }
        (Application::Known(application), Some(spec)) => Some((application.bounds, spec.policy)),
        _ => None,
    };
    let live = state.observation.live;
    if let (Some(_), Some(Live::Unrecognized)) = (known, live) {
        let reason = Reason::UnrecognizedLivePolicy;
        return said(Unknown, reason, reason.means());
    }
    if let (Some((application, declared)), Some(live)) = (known, live) {
        let others = other_limits(&declared, &live, application);
        if !others.is_empty() {
            let looser = others.iter().any(OtherLimit::is_looser);
            let reason = if looser { Reason::LooserThanDeclared } else { Reason::StricterThanDeclared };
            return said(False, reason, &joined(&others));
        }
    }
    if let Some((application, declared)) = known {
        let pointless = looser_than_application(&declared, application);
        let pointless: Vec<String> = pointless
            .iter()
            .map(|(field, own, app)| {
                format!("{} {own} is looser than the application's {app}: it has no effect", field.word())
            })
            .collect();
        if !pointless.is_empty() {
            return said(False, Reason::LooserThanApplication, &pointless.join("; "));
        }
    }
    if known.is_some() && live.is_some() {
        return said(True, Reason::AppliesFully, Reason::AppliesFully.means());
    }
    let still = resource.is_some_and(|resource| {
        resource.observed_generation == resource.generation && resource.condition(ConditionType::Effective).is_some()
    });
    if still { None } else { said(Unknown, Reason::NotChecked, Reason::NotChecked.means()) }
}

fn joined(all: &[OtherLimit]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
