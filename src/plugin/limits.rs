//! Formats the limits of a status, and compares which policy is stricter.

use crate::policy::{Bounds, Field, Live, Minutes, Policy, stricter};

/// A number of minutes as `8h` or `1d`; the number itself if it is not a valid timeout.
pub(super) fn format_minutes(number: i32) -> String {
    Minutes::new(i64::from(number)).map_or_else(|| number.to_string(), |minutes| minutes.to_string())
}

/// Which side is stricter in `field`: `declared`, `live`, `neither` if both have the same effect, or
/// `mixed` if one has the stricter absolute and the other the stricter idle limit. A side that
/// inherits is as strict as the application's policy; if that is needed but not known, `unknown`.
pub(super) fn stricter_side(
    field: Field,
    declared: &Policy,
    found: &Live,
    application: Option<Bounds>,
) -> &'static str {
    let (mut one, mut other) = (Bounds::from(declared), Bounds::from(found));
    match field {
        Field::Source => match (found, application) {
            (Live::Unrecognized, _) | (_, None) => return "unknown",
            (_, Some(application)) => (one, other) = (stricter(application, one), stricter(application, other)),
        },
        Field::Absolute => (one.idle, other.idle) = (None, None),
        Field::IdleEnabled | Field::Idle => (one.absolute, other.absolute) = (None, None),
    }
    let both = stricter(one, other);
    match (both == one, both == other) {
        (true, true) => "neither",
        (true, false) => "declared",
        (false, true) => "live",
        (false, false) => "mixed",
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
            (Field::Absolute, found(Some(600), Idle::Off), "declared"),
            (Field::Absolute, found(Some(240), Idle::Off), "live"),
            (Field::Absolute, found(Some(480), Idle::Off), "neither"),
            (Field::Absolute, found(None, Idle::Off), "declared"),
            (Field::Idle, found(None, Idle::On(Some(m(30)))), "live"),
            (Field::IdleEnabled, found(Some(600), Idle::Off), "declared"),
        ] {
            assert_eq!(stricter_side(field, &declared, &found, None), expected, "{field:?} {found:?}");
        }
    }

    #[test]
    fn who_inherits_is_as_strict_as_the_application() {
        let application = |absolute| Some(Bounds { absolute: Some(m(absolute)), idle: None });
        let source = |declared, found, application| stricter_side(Field::Source, &declared, &found, application);
        let inherited = Live::Application;
        assert_eq!(source(custom(480, None), inherited, application(1440)), "declared");
        assert_eq!(source(custom(2880, None), inherited, application(1440)), "neither");
        assert_eq!(source(Policy::Application, custom(480, None).into(), application(1440)), "live");
        assert_eq!(source(custom(480, None), inherited, None), "unknown");
        assert_eq!(source(custom(480, None), Live::Unrecognized, application(1440)), "unknown");
    }
}
