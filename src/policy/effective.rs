//! What really applies when a session starts: per field the stricter of the
//! application's and the organization's policy (`scalekit-api.md` §3.2).

use super::{Field, Live, Minutes, Policy};

/// The two limits one side sets; `None` sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bounds {
    /// How long a session may live.
    pub absolute: Option<Minutes>,
    /// How long it may idle.
    pub idle: Option<Minutes>,
}

impl From<&Live> for Bounds {
    fn from(live: &Live) -> Self {
        match live {
            Live::Custom { absolute, idle } => Self { absolute: *absolute, idle: idle.limit() },
            Live::Application | Live::Unrecognized => Self::default(),
        }
    }
}

impl From<&Policy> for Bounds {
    fn from(policy: &Policy) -> Self {
        Self::from(&Live::from(*policy))
    }
}

/// The application's policy, as far as it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ApplicationPolicy {
    /// Its limits; a disabled idle limit is `None`, whatever number stands
    /// beside it.
    pub bounds: Bounds,
    /// How long an access token lives; `None` when the server reports none.
    pub access_token: Option<Minutes>,
}

/// Which side a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The application's value is the stricter one.
    Application,
    /// The organization's value is the stricter one, or both are equal.
    Organization,
}

/// A limit that applies, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// In minutes.
    pub timeout: Minutes,
    /// Who set it.
    pub from: Side,
}

/// What really applies; `None` where neither side sets a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effective {
    /// How long a session may live.
    pub absolute: Option<Limit>,
    /// How long it may idle.
    pub idle: Option<Limit>,
}

/// The stricter of two sides, field by field. Commutative, associative,
/// idempotent; a side without a limit never wins.
pub fn stricter(one: Bounds, other: Bounds) -> Bounds {
    Bounds { absolute: shorter(one.absolute, other.absolute), idle: shorter(one.idle, other.idle) }
}

fn shorter(one: Option<Minutes>, other: Option<Minutes>) -> Option<Minutes> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What applies to a session of an organization with `organization`'s limits
/// in an application with `application`'s.
pub fn effective(application: Bounds, organization: Bounds) -> Effective {
    let limit = |application, own| {
        let timeout = shorter(application, own);
        let from = if timeout == own { Side::Organization } else { Side::Application };
        timeout.map(|timeout| Limit { timeout, from })
    };
    Effective {
        absolute: limit(application.absolute, organization.absolute),
        idle: limit(application.idle, organization.idle),
    }
}

/// The declared limits that the application's policy makes pointless: field,
/// declared, application's.
pub fn looser_than_application(declared: &Policy, application: Bounds) -> Vec<(Field, Minutes, Minutes)> {
    let declared = Bounds::from(declared);
    [(Field::Absolute, declared.absolute, application.absolute), (Field::Idle, declared.idle, application.idle)]
        .into_iter()
        .filter_map(|(field, own, app)| own.zip(app).filter(|(own, app)| own > app).map(|(own, app)| (field, own, app)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds() -> impl Strategy<Value = Bounds> {
        let minutes = || proptest::option::of((1i64..6).prop_map(|m| Minutes::new(m).unwrap()));
        (minutes(), minutes()).prop_map(|(absolute, idle)| Bounds { absolute, idle })
    }

    proptest! {
        #[test]
        fn stricter_is_commutative_associative_and_idempotent(a in bounds(), b in bounds(), c in bounds()) {
            prop_assert_eq!(stricter(a, b), stricter(b, a));
            prop_assert_eq!(stricter(a, stricter(b, c)), stricter(stricter(a, b), c));
            prop_assert_eq!(stricter(a, a), a);
        }

        #[test]
        fn what_applies_is_the_stricter_of_both(app in bounds(), org in bounds()) {
            let applies = effective(app, org);
            let plain = Bounds { absolute: applies.absolute.map(|l| l.timeout), idle: applies.idle.map(|l| l.timeout) };
            prop_assert_eq!(plain, stricter(app, org));
        }
    }

    #[test]
    fn a_disabled_application_idle_never_wins() {
        let m = |n| Minutes::new(n);
        let app = Bounds { absolute: m(1440), idle: None };
        let org = Bounds { absolute: m(2880), idle: m(60) };
        let applies = effective(app, org);
        assert_eq!(applies.absolute, m(1440).map(|timeout| Limit { timeout, from: Side::Application }));
        assert_eq!(applies.idle, m(60).map(|timeout| Limit { timeout, from: Side::Organization }));
    }

    #[test]
    fn an_equal_value_is_the_organizations_own() {
        let same = Bounds { absolute: Minutes::new(60), idle: None };
        assert_eq!(effective(same, same).absolute.map(|l| l.from), Some(Side::Organization));
    }

    #[test]
    fn only_values_above_the_applications_are_pointless() {
        let m = |n| Minutes::new(n).unwrap();
        let app = Bounds { absolute: Some(m(10_080)), idle: None };
        let declared = |a| Policy::Custom(super::super::Session::new(m(a), Some(m(60))).unwrap());
        assert_eq!(looser_than_application(&declared(20_160), app), [(Field::Absolute, m(20_160), m(10_080))]);
        assert!(looser_than_application(&declared(10_080), app).is_empty());
        assert!(looser_than_application(&Policy::Application, app).is_empty());
    }
}
