//! The policy that TightenOnly writes: no field becomes looser than it is live.

use super::{Bounds, Idle, Live, Policy, Session, stricter};

/// The policy to write so that the live one is at least as strict as `declared` and no field becomes
/// looser; `None` if it already is.
///
/// A merged idle limit that is not shorter than the merged absolute one has no effect. It stays off if it
/// is off; if it is on, it becomes one minute shorter than absolute, since switching it off would loosen
/// a field.
pub fn tighten(declared: &Policy, live: &Live) -> Option<Policy> {
    let Policy::Custom(_) = declared else { return None }; // inheriting is never stricter
    let merged = stricter(declared.into(), live.into());
    let absolute = merged.absolute?;
    let idle = match merged.idle {
        Some(idle) if idle < absolute => Some(idle),
        Some(_) if matches!(live, Live::Custom { idle: Idle::On(_), .. }) => absolute.one_less(),
        _ => None,
    };
    let target = Policy::Custom(Session::new(absolute, idle).ok()?);
    let custom = matches!(live, Live::Custom { absolute: Some(_), .. });
    let already = Live::from(target) == *live || (custom && Bounds::from(&target) == Bounds::from(live));
    (!already).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::super::Minutes;
    use super::*;
    use proptest::prelude::*;

    fn custom(absolute: i64, idle: Option<i64>) -> Policy {
        let m = |n| Minutes::new(n).unwrap();
        Policy::Custom(Session::new(m(absolute), idle.map(m)).unwrap())
    }

    #[test]
    fn only_the_stricter_fields_move() {
        for (declared, live, expected) in [
            (custom(480, Some(60)), Live::Application, Some(custom(480, Some(60)))),
            (custom(480, Some(60)), custom(480, Some(60)).into(), None),
            (custom(480, Some(60)), custom(240, Some(30)).into(), None),
            (custom(480, Some(60)), custom(600, Some(30)).into(), Some(custom(480, Some(30)))),
            (custom(480, Some(60)), custom(240, None).into(), Some(custom(240, Some(60)))),
            (Policy::Application, custom(240, None).into(), None),
            (Policy::Application, Live::Application, None),
            // a 30m idle limit under a 20m absolute one limits nothing
            (custom(60, Some(30)), custom(20, None).into(), None),
            // idle is on and may not go off
            (custom(60, None), custom(480, Some(240)).into(), Some(custom(60, Some(59)))),
            (custom(60, None), custom(480, Some(60)).into(), Some(custom(60, Some(59)))),
            // a number that is not reported limits nothing
            (custom(60, None), Live::Custom { absolute: Minutes::new(60), idle: Idle::On(None) }, None),
        ] {
            assert_eq!(tighten(&declared, &live), expected, "{declared:?} over {live:?}");
        }
    }

    fn policies() -> impl Strategy<Value = Policy> {
        let custom = (2i64..9, proptest::option::of(1i64..9)).prop_filter_map("idle below absolute", |(a, i)| {
            let idle = i.and_then(Minutes::new);
            Session::new(Minutes::new(a)?, idle).ok().map(Policy::Custom)
        });
        prop_oneof![Just(Policy::Application), custom]
    }

    proptest! {
        #[test]
        fn no_field_ever_becomes_looser_and_a_second_reconcile_writes_nothing(declared in policies(), live in policies()) {
            let live = Live::from(live);
            if let Some(target) = tighten(&declared, &live) {
                let (before, after) = (Bounds::from(&live), Bounds::from(&target));
                prop_assert!(before.absolute.is_none_or(|b| after.absolute.is_some_and(|a| a <= b)));
                prop_assert!(before.idle.is_none_or(|b| after.idle.is_some_and(|a| a <= b)));
                prop_assert_eq!(tighten(&declared, &target.into()), None);
            }
        }
    }
}
