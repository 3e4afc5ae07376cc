//! Compares a declared policy with a live one.

use super::{Live, Policy};
use std::fmt;

/// A field of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `policySource`
    Source,
    /// `absoluteSessionTimeout`, minutes
    Absolute,
    /// `idleSessionTimeoutEnabled`
    IdleEnabled,
    /// `idleSessionTimeout`, minutes
    Idle,
}

impl Field {
    /// The name of the field in the resource.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "policySource",
            Self::Absolute => "absoluteSessionTimeout",
            Self::IdleEnabled => "idleSessionTimeoutEnabled",
            Self::Idle => "idleSessionTimeout",
        }
    }

    /// The short name in texts such as `absolute 8h, idle 1h`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Absolute => "absolute",
            Self::IdleEnabled | Self::Idle => "idle",
        }
    }
}

/// A field that is not as declared, with its values as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Difference {
    /// The field.
    pub field: Field,
    /// The declared value.
    pub declared: String,
    /// The live value; `unset` if the server reports none.
    pub live: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} instead of {}", self.field.name(), self.live, self.declared)
    }
}

/// All differences in one line.
pub fn summary(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The fields in which `live` differs from `declared`; empty if it is in sync (`scalekit-api.md` §3.7,
/// §3.8).
pub fn diff(declared: &Policy, live: &Live) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field, declared: String, live: String| {
        if declared != live {
            found.push(Difference { field, declared, live });
        }
    };
    compare(Field::Source, Live::from(*declared).source().into(), live.source().into());
    if let (Policy::Custom(want), Live::Custom { absolute, idle }) = (declared, live) {
        compare(Field::Absolute, want.absolute().to_string(), or_unset(*absolute));
        let on = matches!(idle, super::Idle::On(_));
        compare(Field::IdleEnabled, want.idle().is_some().to_string(), on.to_string());
        if let Some(want) = want.idle().filter(|_| on) {
            compare(Field::Idle, want.to_string(), or_unset(idle.limit()));
        }
    }
    found
}

/// A timeout as text; `unset` if the server reports none.
pub fn or_unset(minutes: Option<super::Minutes>) -> String {
    minutes.map_or_else(|| "unset".into(), |m| m.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{Idle, Minutes, Session};
    use super::*;
    use proptest::prelude::*;

    fn minutes() -> impl Strategy<Value = Minutes> {
        prop_oneof![1i64..5, 1i64..=i64::from(i32::MAX)].prop_map(|m| Minutes::new(m).unwrap())
    }

    pub(crate) fn policies() -> impl Strategy<Value = Policy> {
        let custom = (minutes(), proptest::option::of(minutes()))
            .prop_filter_map("idle below absolute", |(a, i)| Session::new(a, i).ok().map(Policy::Custom));
        prop_oneof![Just(Policy::Application), custom]
    }

    fn lives() -> impl Strategy<Value = Live> {
        let idle = prop_oneof![Just(Idle::Off), proptest::option::of(minutes()).prop_map(Idle::On)];
        prop_oneof![
            Just(Live::Application),
            Just(Live::Unrecognized),
            (proptest::option::of(minutes()), idle).prop_map(|(absolute, idle)| Live::Custom { absolute, idle }),
            policies().prop_map(Live::from),
        ]
    }

    proptest! {
        #[test]
        fn nothing_differs_exactly_when_equal(desired in policies(), live in lives()) {
            prop_assert_eq!(diff(&desired, &live).is_empty(), Live::from(desired) == live);
        }

        #[test]
        fn a_policy_does_not_differ_from_itself(policy in policies()) {
            prop_assert!(diff(&policy, &policy.into()).is_empty());
        }
    }

    #[test]
    fn each_field_that_differs_is_named_once() {
        let m = |n| Minutes::new(n).unwrap();
        let desired = Policy::Custom(Session::new(m(480), Some(m(60))).unwrap());
        let live = Live::Custom { absolute: Some(m(600)), idle: Idle::On(Some(m(30))) };
        let shown: Vec<_> = diff(&desired, &live).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["absoluteSessionTimeout is 10h instead of 8h", "idleSessionTimeout is 30m instead of 1h"]);
        let off = Live::Custom { absolute: Some(m(480)), idle: Idle::Off };
        assert_eq!(diff(&desired, &off).len(), 1);
        assert_eq!(diff(&desired, &Live::Application).len(), 1);
    }
}
