//! Whether a change of a policy makes sessions shorter or longer. Decided by the organization's own
//! limits, since the application's may hide a loosening today and not tomorrow. A policy that inherits
//! has the application's limits: what is looser than those, or is put in their place, has no effect.

use super::{Bounds, Field, Idle, Live, Minutes, or_unset, stricter};
use strum::{Display, IntoStaticStr};

/// The direction of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Direction {
    /// No limit changes.
    Neutral,
    /// A limit becomes shorter or is added.
    Tightening,
    /// A limit becomes longer or is removed.
    Loosening,
    /// One limit becomes shorter and another longer.
    Mixed,
    /// The live policy can't be read, or has a source that this version does not know.
    Unknown,
}

impl Direction {
    /// The name in texts and in JSON.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The direction of two changes together.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Neutral, way) | (way, Self::Neutral) => way,
            (Self::Tightening, Self::Tightening) => Self::Tightening,
            (Self::Loosening, Self::Loosening) => Self::Loosening,
            _ => Self::Mixed,
        }
    }
}

/// A field that changes, with its values as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// The current value.
    pub before: String,
    /// The value after the change.
    pub after: String,
    /// The direction of the change.
    pub direction: Direction,
    /// The limit in `inherited`, where that is known and a side of the change: `7d` or `none`.
    pub inherited: Option<String>,
    /// The application's limit that is stricter than the organization's own, and so applies before and
    /// after the change.
    pub stricter: Option<Minutes>,
}

impl FieldChange {
    /// `inherited (7d) → 8h`.
    pub fn values(&self) -> String {
        let value = |text: &str| match &self.inherited {
            Some(limit) if text == INHERITED => format!("{text} ({limit})"),
            _ => text.to_owned(),
        };
        format!("{} → {}", value(&self.before), value(&self.after))
    }

    /// The direction, or why the change has no effect; `None` for a neutral change.
    pub fn remark(&self) -> Option<String> {
        match (self.stricter, self.direction) {
            (Some(limit), _) => Some(format!("no effect: the application's {limit} is stricter")),
            (None, Direction::Neutral) => None,
            (None, direction) => Some(direction.name().to_owned()),
        }
    }
}

/// The fields that change from `before` to `after`, each with its direction. `application`: its
/// limits, if they are known.
pub fn changes(before: &Live, after: &Live, application: Option<Bounds>) -> Vec<FieldChange> {
    let unknown = *before == Live::Unrecognized || *after == Live::Unrecognized;
    let application = application.filter(|_| *before == Live::Application || *after == Live::Application);
    let (from, to) = (Bounds::from(before), Bounds::from(after));
    let applied = application.map(|application| (stricter(application, from), stricter(application, to)));
    let row = |field, [before, after]: [String; 2], limit: fn(Bounds) -> Option<Minutes>| {
        let (from, to) = (limit(from), limit(to));
        let same = applied.is_some_and(|(from, to)| limit(from) == limit(to));
        let way = if same { Direction::Neutral } else { direction(from, to) };
        let shared = application.and_then(limit).filter(|_| same && !unknown);
        let inherits = before == INHERITED || after == INHERITED;
        (before != after).then_some(FieldChange {
            field,
            before,
            after,
            direction: if unknown { Direction::Unknown } else { way },
            inherited: application
                .filter(|_| inherits)
                .map(|application| limit(application).map_or_else(|| "none".to_owned(), |limit| limit.to_string())),
            stricter: shared.filter(|shared| from.or(to).is_none_or(|own| own > *shared)),
        })
    };
    [
        // the source limits nothing itself
        row(Field::Source, [before, after].map(|live| live.source().into()), |_| None),
        row(Field::Absolute, [before, after].map(absolute), |bounds| bounds.absolute),
        row(Field::Idle, [before, after].map(idle), |bounds| bounds.idle),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The value of a field in a policy that inherits.
const INHERITED: &str = "inherited";

/// The direction from one limit to another; `None` is no limit.
pub(super) fn direction(before: Option<Minutes>, after: Option<Minutes>) -> Direction {
    match (before, after) {
        _ if before == after => Direction::Neutral,
        (Some(before), Some(after)) if after > before => Direction::Loosening,
        (Some(_), None) => Direction::Loosening,
        _ => Direction::Tightening,
    }
}

fn absolute(live: &Live) -> String {
    match live {
        Live::Custom { absolute, .. } => or_unset(*absolute),
        Live::Application => "inherited".into(),
        Live::Unrecognized => "unknown".into(),
    }
}

fn idle(live: &Live) -> String {
    match live {
        Live::Custom { idle: Idle::Off, .. } => "off".into(),
        Live::Custom { idle: Idle::On(Some(idle)), .. } => idle.to_string(),
        Live::Custom { idle: Idle::On(None), .. } => "on without a timeout".into(),
        Live::Application => "inherited".into(),
        Live::Unrecognized => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn custom(absolute: i64, idle: Option<i64>) -> Live {
        let idle = idle.map_or(Idle::Off, |idle| Idle::On(Minutes::new(idle)));
        Live::Custom { absolute: Minutes::new(absolute), idle }
    }

    fn shown(before: Live, after: Live) -> Vec<String> {
        let row = |c: &FieldChange| format!("{} {} {} {}", c.field.name(), c.before, c.after, c.direction);
        changes(&before, &after, None).iter().map(row).collect()
    }

    #[test]
    fn what_is_looser_than_what_is_inherited_is_no_tightening() {
        let application = Bounds { absolute: Minutes::new(10_080), idle: Minutes::new(30) };
        let said = |before, after| {
            let row = |c: &FieldChange| match c.remark() {
                Some(remark) => format!("{} ({remark})", c.values()),
                None => c.values(),
            };
            changes(&before, &after, Some(application)).iter().skip(1).map(row).collect::<Vec<_>>()
        };
        let (idle, absolute) =
            ("(no effect: the application's 30m is stricter)", "(no effect: the application's 7d is stricter)");
        for (own, to, back) in [
            (
                custom(43_200, None),
                [format!("inherited (7d) → 30d {absolute}"), format!("inherited (30m) → off {idle}")],
                [format!("30d → inherited (7d) {absolute}"), format!("off → inherited (30m) {idle}")],
            ),
            (
                custom(480, Some(15)),
                ["inherited (7d) → 8h (tightening)".into(), "inherited (30m) → 15m (tightening)".into()],
                ["8h → inherited (7d) (loosening)".into(), "15m → inherited (30m) (loosening)".into()],
            ),
            (
                custom(10_080, Some(30)),
                ["inherited (7d) → 7d".into(), "inherited (30m) → 30m".into()],
                ["7d → inherited (7d)".into(), "30m → inherited (30m)".into()],
            ),
        ] {
            assert_eq!((said(Live::Application, own), said(own, Live::Application)), (to.to_vec(), back.to_vec()));
        }
        // between two policies of the organization its own limits count
        let own = changes(&custom(11_520, None), &custom(43_200, None), Some(application));
        assert_eq!(
            (own[0].direction, own[0].stricter, own[0].values().as_str()),
            (Direction::Loosening, None, "8d → 30d")
        );
        let unknown = changes(&Live::Unrecognized, &Live::Application, Some(application));
        assert!(unknown.iter().all(|c| c.direction == Direction::Unknown && c.stricter.is_none()));
    }

    #[test]
    fn each_field_goes_its_own_way() {
        assert_eq!(
            shown(custom(480, Some(30)), custom(240, Some(60))),
            ["absoluteSessionTimeout 8h 4h tightening", "idleSessionTimeout 30m 1h loosening"]
        );
        assert_eq!(shown(custom(480, Some(30)), custom(480, None)), ["idleSessionTimeout 30m off loosening"]);
        assert_eq!(
            shown(Live::Application, custom(480, None)),
            [
                "policySource APPLICATION CUSTOM neutral",
                "absoluteSessionTimeout inherited 8h tightening",
                "idleSessionTimeout inherited off neutral"
            ]
        );
        assert_eq!(shown(Live::Unrecognized, custom(480, None)).len(), 3);
        assert!(
            changes(&Live::Unrecognized, &custom(480, None), None).iter().all(|c| c.direction == Direction::Unknown)
        );
    }

    fn lives() -> impl Strategy<Value = Live> {
        prop_oneof![
            Just(Live::Application),
            (1i64..5, proptest::option::of(1i64..5)).prop_map(|(absolute, idle)| custom(absolute, idle)),
        ]
    }

    fn applications() -> impl Strategy<Value = Option<Bounds>> {
        let limit = || proptest::option::of((1i64..5).prop_map(|n| Minutes::new(n).unwrap()));
        proptest::option::of((limit(), limit()).prop_map(|(absolute, idle)| Bounds { absolute, idle }))
    }

    fn overall(before: &Live, after: &Live, application: Option<Bounds>) -> Direction {
        changes(before, after, application).iter().fold(Direction::Neutral, |all, change| all.and(change.direction))
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_opposite(before in lives(), after in lives(), application in applications()) {
            let opposite = match overall(&before, &after, application) {
                Direction::Tightening => Direction::Loosening,
                Direction::Loosening => Direction::Tightening,
                same => same,
            };
            prop_assert_eq!(overall(&after, &before, application), opposite);
        }

        #[test]
        fn what_does_not_change_has_no_row(live in lives(), application in applications()) {
            prop_assert!(changes(&live, &live, application).is_empty());
        }

        #[test]
        fn what_is_said_to_have_no_effect_changes_nothing_that_applies(
            before in lives(), after in lives(), application in applications()
        ) {
            let app = application.unwrap_or_default();
            let (was, is) = (stricter(app, (&before).into()), stricter(app, (&after).into()));
            for change in changes(&before, &after, application).iter().filter(|change| change.stricter.is_some()) {
                let limit = |bounds: Bounds| if change.field == Field::Idle { bounds.idle } else { bounds.absolute };
                prop_assert_eq!((limit(was), limit(is)), (change.stricter, change.stricter));
            }
        }
    }

    #[test]
    fn what_is_unknown_in_part_is_unknown() {
        for way in [Direction::Neutral, Direction::Tightening, Direction::Loosening, Direction::Mixed] {
            assert_eq!([way.and(Direction::Unknown), Direction::Unknown.and(way)], [Direction::Unknown; 2]);
            assert_eq!([way.and(Direction::Neutral), Direction::Neutral.and(way)], [way; 2]);
        }
    }
}
