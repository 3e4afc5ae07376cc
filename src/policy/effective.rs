//! The effective policy of a new session: for each field the stricter of the application's and the
//! organization's policy (`scalekit-api.md` §3.2).

use super::{Field, Live, Minutes, Policy};

/// The limits of one policy; `None` is no limit.
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

/// The application's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ApplicationPolicy {
    /// The limits; a disabled idle limit is `None`.
    pub bounds: Bounds,
    /// The lifetime of an access token; `None` if the server reports none.
    pub access_token: Option<Minutes>,
}

/// The policy that a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The application's limit is stricter.
    Application,
    /// The organization's limit is stricter, or both are equal.
    Organization,
}

/// A limit that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The timeout.
    pub timeout: Minutes,
    /// Where it comes from.
    pub from: Side,
}

/// The limits that apply; `None` if neither policy sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effective {
    /// How long a session may live.
    pub absolute: Option<Limit>,
    /// How long it may idle.
    pub idle: Option<Limit>,
}

/// The stricter limit of each field. Commutative, associative and idempotent.
pub fn stricter(one: Bounds, other: Bounds) -> Bounds {
    Bounds { absolute: shorter(one.absolute, other.absolute), idle: shorter(one.idle, other.idle) }
}

fn shorter(one: Option<Minutes>, other: Option<Minutes>) -> Option<Minutes> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The limits that apply to a new session, given those of the application and of the organization.
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

/// The declared limits without effect, since the application's are stricter: field, declared limit,
/// application's limit.
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
