//! Turns the policies that a status reports back into the types of `policy`, and
//! compares the declared with the live one by the rules there.

use crate::policy::{Bounds, Field, Live, Minutes, Policy, stricter};

/// Which of two differing values is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stricter {
    Declared,
    Live,
    /// Both have the same effect.
    Neither,
    /// One side has the stricter absolute limit, the other the stricter idle limit.
    Mixed,
    /// The live source is not known, or the application's policy is not.
    Unknown,
}

impl Stricter {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Live => "live",
            Self::Neither => "neither",
            Self::Mixed => "mixed",
            Self::Unknown => "unknown",
        }
    }
}

fn minutes(number: Option<i32>) -> Option<Minutes> {
    number.and_then(|number| Minutes::new(i64::from(number)))
}

/// A number of minutes as `8h` or `1d`; the number itself where it is no valid
/// timeout.
pub(super) fn format_minutes(number: i32) -> String {
    minutes(Some(number)).map_or_else(|| number.to_string(), |minutes| minutes.to_string())
}

/// Which side is stricter in `field`. A side that inherits is as strict as the
/// application's policy, so that must be known to compare the sources.
pub(super) fn compare(field: Field, declared: &Policy, found: &Live, application: Option<Bounds>) -> Stricter {
    let (mut one, mut other) = (Bounds::from(declared), Bounds::from(found));
    match field {
        Field::Source => match (found, application) {
            (Live::Unrecognized, _) | (_, None) => return Stricter::Unknown,
            (_, Some(application)) => (one, other) = (stricter(application, one), stricter(application, other)),
        },
        Field::Absolute => (one.idle, other.idle) = (None, None),
        Field::IdleEnabled | Field::Idle => (one.absolute, other.absolute) = (None, None),
    }
    let both = stricter(one, other);
    match (both == one, both == other) {
        (true, true) => Stricter::Neither,
        (true, false) => Stricter::Declared,
        (false, true) => Stricter::Live,
        (false, false) => Stricter::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Idle, Session};

    fn m(n: i64) -> Minutes {
        Minutes::new(n).unwrap()
    }

    fn custom(absolute: i64, idle: Option<i64>) -> Policy {
        Policy::Custom(Session::new(m(absolute), idle.map(m)).unwrap())
    }

    #[test]
    fn the_shorter_timeout_is_stricter_and_none_never_is() {
        let declared = custom(480, Some(60));
        let found = |absolute: Option<i64>, idle| Live::Custom { absolute: absolute.map(m), idle };
        for (field, found, expected) in [
            (Field::Absolute, found(Some(600), Idle::Off), Stricter::Declared),
            (Field::Absolute, found(Some(240), Idle::Off), Stricter::Live),
            (Field::Absolute, found(Some(480), Idle::Off), Stricter::Neither),
            (Field::Absolute, found(None, Idle::Off), Stricter::Declared),
            (Field::Idle, found(None, Idle::On(Some(m(30)))), Stricter::Live),
            (Field::IdleEnabled, found(Some(600), Idle::Off), Stricter::Declared),
        ] {
            assert_eq!(compare(field, &declared, &found, None), expected, "{field:?} {found:?}");
        }
    }

    #[test]
    fn who_inherits_is_as_strict_as_the_application() {
        let application = |absolute| Some(Bounds { absolute: Some(m(absolute)), idle: None });
        let source = |declared, found, application| compare(Field::Source, &declared, &found, application);
        let inherited = Live::Application;
        assert_eq!(source(custom(480, None), inherited, application(1440)), Stricter::Declared);
        assert_eq!(source(custom(2880, None), inherited, application(1440)), Stricter::Neither);
        assert_eq!(source(Policy::Application, custom(480, None).into(), application(1440)), Stricter::Live);
        assert_eq!(source(custom(480, None), inherited, None), Stricter::Unknown);
        assert_eq!(source(custom(480, None), Live::Unrecognized, application(1440)), Stricter::Unknown);
    }
}
