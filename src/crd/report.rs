//! Converts between the types of the domain and those of the status.

use super::status::{ApplicationLimits, DriftedField, EffectiveLimit, EffectiveLimits, ReportedPolicy};
use crate::policy::{
    ApplicationPolicy, Bounds, Difference, Effective, Idle, Limit, Live, Minutes, Side, or_unset, summary,
};

impl From<&Live> for ReportedPolicy {
    fn from(live: &Live) -> Self {
        let source = |source: &str| Self { policy_source: source.to_owned(), ..Self::default() };
        match live {
            Live::Application => source("APPLICATION"),
            Live::Unrecognized => source("UNRECOGNIZED"),
            Live::Custom { absolute, idle } => Self {
                absolute_session_timeout: absolute.map(Minutes::get),
                idle_session_timeout_enabled: Some(*idle != Idle::Off),
                idle_session_timeout: idle.limit().map(Minutes::get),
                absolute: Some(or_unset(*absolute)),
                idle: Some(match idle {
                    Idle::Off => "off".to_owned(),
                    Idle::On(limit) => or_unset(*limit),
                }),
                ..source("CUSTOM")
            },
        }
    }
}

/// Reads a policy back from the status; an invalid timeout counts as absent.
impl From<&ReportedPolicy> for Live {
    fn from(reported: &ReportedPolicy) -> Self {
        match reported.policy_source.as_str() {
            "APPLICATION" => Self::Application,
            "CUSTOM" => Self::Custom {
                absolute: minutes(reported.absolute_session_timeout),
                idle: match reported.idle_session_timeout_enabled {
                    Some(true) => Idle::On(minutes(reported.idle_session_timeout)),
                    _ => Idle::Off,
                },
            },
            _ => Self::Unrecognized,
        }
    }
}

impl From<&ApplicationLimits> for Bounds {
    fn from(reported: &ApplicationLimits) -> Self {
        Self { absolute: minutes(reported.absolute_session_timeout), idle: minutes(reported.idle_session_timeout) }
    }
}

impl From<&ApplicationPolicy> for ApplicationLimits {
    fn from(application: &ApplicationPolicy) -> Self {
        Self {
            absolute_session_timeout: application.bounds.absolute.map(Minutes::get),
            idle_session_timeout: application.bounds.idle.map(Minutes::get),
            access_token_expiry: application.access_token.map(Minutes::get),
        }
    }
}

impl From<&Effective> for EffectiveLimits {
    fn from(effective: &Effective) -> Self {
        let shown = |limit: &Option<Limit>| match limit {
            Some(limit) => format!("{} ({})", limit.timeout, side(limit.from)),
            None => "none".to_owned(),
        };
        let brief = |limit: &Option<Limit>| match limit {
            Some(Limit { timeout, from: Side::Application }) => format!("{timeout} (app)"),
            Some(limit) => limit.timeout.to_string(),
            None => "none".to_owned(),
        };
        let limit = |limit: Limit| EffectiveLimit { minutes: limit.timeout.get(), from: side(limit.from).to_owned() };
        Self {
            absolute_session_timeout: effective.absolute.map(limit),
            idle_session_timeout: effective.idle.map(limit),
            summary: Some(format!("{} / {}", shown(&effective.absolute), shown(&effective.idle))),
            brief: Some(format!("{} / {}", brief(&effective.absolute), brief(&effective.idle))),
        }
    }
}

impl From<&Difference> for DriftedField {
    fn from(difference: &Difference) -> Self {
        Self {
            field: difference.field.name().to_owned(),
            declared: difference.declared.clone(),
            desired: difference.declared.clone(),
            live: difference.live.clone(),
        }
    }
}

/// All differences in one line, for `status.driftSummary`; `None` without any.
pub fn drift_summary(differences: &[Difference]) -> Option<String> {
    (!differences.is_empty()).then(|| summary(differences))
}

fn minutes(number: Option<i32>) -> Option<Minutes> {
    number.and_then(|number| Minutes::new(number.into()))
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Application => "application",
        Side::Organization => "organization",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Session, diff, effective};
    use proptest::prelude::*;

    #[test]
    fn a_person_reads_timeouts_with_their_unit() {
        let minutes = Minutes::new;
        let live = Live::Custom { absolute: minutes(480), idle: Idle::On(minutes(60)) };
        let reported = ReportedPolicy::from(&live);
        assert_eq!((reported.absolute.as_deref(), reported.idle.as_deref()), (Some("8h"), Some("1h")));
        assert_eq!(reported.absolute_session_timeout, Some(480));

        let odd = ReportedPolicy::from(&Live::Custom { absolute: None, idle: Idle::Off });
        assert_eq!((odd.absolute.as_deref(), odd.idle.as_deref()), (Some("unset"), Some("off")));
        assert_eq!(ReportedPolicy::from(&Live::Application).absolute, None);
    }

    #[test]
    fn the_summary_says_who_set_each_limit() {
        let application = Bounds { absolute: Minutes::new(1440), idle: None };
        let organization = Bounds { absolute: Minutes::new(2880), idle: Minutes::new(60) };
        let limits = EffectiveLimits::from(&effective(application, organization));
        assert_eq!(limits.summary.as_deref(), Some("1d (application) / 1h (organization)"));
        assert_eq!(limits.brief.as_deref(), Some("1d (app) / 1h"));
        let none = EffectiveLimits::from(&effective(Bounds::default(), Bounds::default()));
        assert_eq!(none.summary.as_deref(), Some("none / none"));
    }

    #[test]
    fn the_longest_texts_fit_the_schema() {
        let longest = Minutes::new(i64::from(i32::MAX)).unwrap();
        let shorter = longest.one_less().unwrap();
        let declared = Policy::Custom(Session::new(longest, Some(shorter)).unwrap());
        let live = Live::Custom { absolute: Some(shorter), idle: Idle::On(Some(longest)) };
        assert!(drift_summary(&diff(&declared, &live)).unwrap().len() < 512);
        let both = Bounds { absolute: Some(longest), idle: Some(shorter) };
        assert!(EffectiveLimits::from(&effective(both, both)).summary.unwrap().len() < 128);
        let inherited = EffectiveLimits::from(&effective(both, Bounds::default()));
        assert!(inherited.brief.unwrap().len() < 64);
        assert_eq!(drift_summary(&[]), None);
    }

    proptest! {
        #[test]
        fn what_a_status_reports_is_read_as_it_was(absolute in proptest::option::of(1i64..3000),
            idle in proptest::option::of(1i64..3000), on in any::<bool>())
        {
            let idle = if on { Idle::On(idle.and_then(Minutes::new)) } else { Idle::Off };
            let found = Live::Custom { absolute: absolute.and_then(Minutes::new), idle };
            prop_assert_eq!(Live::from(&ReportedPolicy::from(&found)), found);
        }
    }

    #[test]
    fn what_is_no_custom_policy_is_read_as_it_was_too() {
        for found in [Live::Application, Live::Unrecognized] {
            assert_eq!(Live::from(&ReportedPolicy::from(&found)), found);
        }
    }
}
