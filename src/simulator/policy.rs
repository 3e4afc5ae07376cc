//! The session policy of an organization, and its PATCH (`scalekit-api.md` §2.8, §3).

use super::api_error::Violation;
use super::settings::{AfterRevert, Application, Partial, PolicyRules};
use super::unit::Unit;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Source {
    #[default]
    Application,
    Custom,
}

/// The stored policy, in minutes. The admin endpoints may store values that a PATCH would refuse, so
/// there are no bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) source: Source,
    pub(crate) absolute_minutes: Option<i64>,
    pub(crate) idle_enabled: Option<bool>,
    pub(crate) idle_minutes: Option<i64>,
}

/// The fields of a PATCH that were present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyPatch {
    pub(crate) source: Option<Source>,
    pub(crate) absolute: Option<i32>,
    pub(crate) absolute_unit: Unit,
    pub(crate) idle_enabled: Option<bool>,
    pub(crate) idle: Option<i32>,
    pub(crate) idle_unit: Unit,
}

const ABSOLUTE: &str = "absolute_session_timeout";
const IDLE: &str = "idle_session_timeout";

impl Policy {
    /// The policy after `patch`, or its violations.
    pub(crate) fn patched(
        &self,
        patch: &PolicyPatch,
        rules: &PolicyRules,
        application: &Application,
    ) -> Result<Self, Vec<Violation>> {
        let source = match (patch.source, rules.partial) {
            (Some(source), _) => source,
            (None, Partial::Keep) => self.source,
            (None, Partial::Reset) => {
                return Err(vec![Violation::new("policy_source", "required", "value is required")]);
            }
        };
        if source == Source::Application {
            return Ok(self.reverted(rules.after_revert));
        }
        let base = if rules.partial == Partial::Keep { self.clone() } else { Self::default() };
        let custom = Self {
            source,
            absolute_minutes: in_minutes(ABSOLUTE, patch.absolute, patch.absolute_unit)?.or(base.absolute_minutes),
            idle_enabled: patch.idle_enabled.or(base.idle_enabled),
            idle_minutes: in_minutes(IDLE, patch.idle, patch.idle_unit)?.or(base.idle_minutes),
        };
        let mut violations = Vec::new();
        if rules.chain {
            custom.check_chain(application.access_token_expiry, &mut violations);
        }
        if rules.refuse_looser {
            custom.check_tighter(application, &mut violations);
        }
        if violations.is_empty() { Ok(custom.normalised(rules)) } else { Err(violations) }
    }

    /// The idle timeout, if it is enabled.
    fn active_idle(&self) -> Option<i64> {
        self.idle_minutes.filter(|_| self.idle_enabled == Some(true))
    }

    fn reverted(&self, after: AfterRevert) -> Self {
        match after {
            AfterRevert::Drop => Self::default(),
            AfterRevert::Hide | AfterRevert::Show => Self { source: Source::Application, ..self.clone() },
        }
    }

    /// absolute > idle > access-token expiry, each strictly (`scalekit-api.md` §3.3).
    fn check_chain(&self, access_token_expiry: i64, violations: &mut Vec<Violation>) {
        let mut broken = |field, constraint, text: &str| violations.push(Violation::new(field, constraint, text));
        let expiry = format!("must be greater than the access token expiry of {access_token_expiry} minutes");
        match self.absolute_minutes {
            None => broken(ABSOLUTE, "required", "a custom policy needs an absolute timeout"),
            Some(..1) => broken(ABSOLUTE, "int32.gte", "must be at least 1"),
            Some(absolute) if absolute <= access_token_expiry => broken(ABSOLUTE, "int32.gt", &expiry),
            Some(_) => {}
        }
        match self.active_idle() {
            None if self.idle_enabled == Some(true) => {
                broken(IDLE, "required", "idle timeout is enabled without a value");
            }
            None => {}
            Some(..1) => broken(IDLE, "int32.gte", "must be at least 1"),
            Some(idle) if idle <= access_token_expiry => broken(IDLE, "int32.gt", &expiry),
            Some(idle) if self.absolute_minutes.is_some_and(|absolute| absolute <= idle) => {
                broken(IDLE, "int32.lt", "must be less than the absolute timeout");
            }
            Some(_) => {}
        }
    }

    fn check_tighter(&self, application: &Application, violations: &mut Vec<Violation>) {
        let text = "must not be looser than the application's";
        if self.absolute_minutes.is_some_and(|absolute| absolute > application.absolute_minutes()) {
            violations.push(Violation::new(ABSOLUTE, "int32.lte", text));
        }
        if let (Some(idle), Some(limit)) = (self.active_idle(), application.idle_minutes())
            && idle > limit
        {
            violations.push(Violation::new(IDLE, "int32.lte", text));
        }
    }

    fn normalised(mut self, rules: &PolicyRules) -> Self {
        if let Some(most) = rules.max_absolute_minutes {
            self.absolute_minutes = self.absolute_minutes.map(|absolute| absolute.min(most));
        }
        if rules.drop_idle {
            self.idle_enabled = self.idle_enabled.map(|_| false);
            self.idle_minutes = None;
        }
        self
    }
}

fn in_minutes(field: &'static str, value: Option<i32>, unit: Unit) -> Result<Option<i64>, Vec<Violation>> {
    let Some(value) = value else { return Ok(None) };
    let minutes = i64::from(value) * unit.minutes();
    if i32::try_from(minutes).is_err() {
        return Err(vec![Violation::new(field, "int32", "out of range in minutes")]);
    }
    Ok(Some(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(absolute: i32, idle: Option<i32>) -> PolicyPatch {
        PolicyPatch {
            source: Some(Source::Custom),
            absolute: Some(absolute),
            idle_enabled: Some(idle.is_some()),
            idle,
            ..PolicyPatch::default()
        }
    }

    fn patched(patch: &PolicyPatch, rules: &PolicyRules) -> Result<Policy, Vec<&'static str>> {
        Policy::default()
            .patched(patch, rules, &Application::default())
            .map_err(|violations| violations.iter().map(|v| v.field).collect())
    }

    #[test]
    fn hours_and_days_are_stored_as_minutes() {
        let patch = PolicyPatch { absolute_unit: Unit::Days, idle_unit: Unit::Hours, ..custom(7, Some(2)) };
        let stored = patched(&patch, &PolicyRules::default()).unwrap();
        assert_eq!((stored.absolute_minutes, stored.idle_minutes), (Some(7 * 1440), Some(120)));
        let most = PolicyPatch { absolute_unit: Unit::Days, ..custom(1_491_308, None) };
        assert!(patched(&most, &PolicyRules::default()).is_ok());
        let more = PolicyPatch { absolute_unit: Unit::Days, ..custom(1_491_309, None) };
        assert_eq!(patched(&more, &PolicyRules::default()), Err(vec![ABSOLUTE]));
    }

    #[test]
    fn the_chain_is_strict_at_every_link() {
        // The default application's access tokens live 5 minutes.
        for (absolute, idle, broken) in [
            (480, Some(60), vec![]),
            (7, Some(6), vec![]),
            (6, None, vec![]),
            (5, None, vec![ABSOLUTE]),
            (60, Some(60), vec![IDLE]),
            (60, Some(5), vec![IDLE]),
            (0, None, vec![ABSOLUTE]),
            (-1, Some(0), vec![ABSOLUTE, IDLE]),
        ] {
            let expected = if broken.is_empty() { Ok(()) } else { Err(broken) };
            assert_eq!(patched(&custom(absolute, idle), &PolicyRules::default()).map(drop), expected);
            assert!(patched(&custom(absolute, idle), &PolicyRules { chain: false, ..PolicyRules::default() }).is_ok());
        }
    }

    #[test]
    fn a_custom_policy_needs_its_numbers() {
        let without_numbers = PolicyPatch { source: Some(Source::Custom), ..PolicyPatch::default() };
        assert_eq!(patched(&without_numbers, &PolicyRules::default()), Err(vec![ABSOLUTE]));
        let no_idle = PolicyPatch { idle_enabled: Some(true), ..custom(480, None) };
        assert_eq!(patched(&no_idle, &PolicyRules::default()), Err(vec![IDLE]));
    }

    #[test]
    fn fields_left_out_are_kept_or_reset() {
        let stored = patched(&custom(480, Some(60)), &PolicyRules::default()).unwrap();
        let patch = PolicyPatch { source: Some(Source::Custom), absolute: Some(240), ..PolicyPatch::default() };
        for (partial, idle) in [(Partial::Keep, Some(60)), (Partial::Reset, None)] {
            let rules = PolicyRules { partial, ..PolicyRules::default() };
            assert_eq!(stored.patched(&patch, &rules, &Application::default()).unwrap().idle_minutes, idle);
        }
        let empty = PolicyPatch::default();
        assert_eq!(stored.patched(&empty, &PolicyRules::default(), &Application::default()), Ok(stored.clone()));
        assert_eq!(
            patched(&empty, &PolicyRules { partial: Partial::Reset, ..PolicyRules::default() }),
            Err(vec!["policy_source"])
        );
    }

    #[test]
    fn a_revert_forgets_or_remembers_the_numbers() {
        let stored = patched(&custom(480, Some(60)), &PolicyRules::default()).unwrap();
        let revert = PolicyPatch { source: Some(Source::Application), ..PolicyPatch::default() };
        for (after_revert, absolute) in [(AfterRevert::Drop, None), (AfterRevert::Hide, Some(480))] {
            let rules = PolicyRules { after_revert, ..PolicyRules::default() };
            let reverted = stored.patched(&revert, &rules, &Application::default()).unwrap();
            assert_eq!((reverted.source, reverted.absolute_minutes), (Source::Application, absolute));
        }
    }

    #[test]
    fn looser_values_are_stored_unless_refused() {
        let looser = custom(8 * 1440, None);
        assert!(patched(&looser, &PolicyRules::default()).is_ok());
        let rules = PolicyRules { refuse_looser: true, ..PolicyRules::default() };
        assert_eq!(patched(&looser, &rules), Err(vec![ABSOLUTE]));
    }

    #[test]
    fn a_normalising_server_stores_something_else() {
        let rules = PolicyRules { max_absolute_minutes: Some(100), drop_idle: true, ..PolicyRules::default() };
        let stored = patched(&custom(480, Some(60)), &rules).unwrap();
        assert_eq!(stored.absolute_minutes, Some(100));
        assert_eq!((stored.idle_enabled, stored.idle_minutes), (Some(false), None));
    }
}
