//! Whether a change of a policy makes sessions shorter or longer. Decided by the organization's own
//! limits, since the application's may hide a loosening today and not tomorrow.

use super::{Bounds, Field, Idle, Live, Minutes, or_unset};
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
}

/// The fields that change from `before` to `after`, each with its direction.
pub fn changes(before: &Live, after: &Live) -> Vec<FieldChange> {
    let unknown = *before == Live::Unrecognized || *after == Live::Unrecognized;
    let (from, to) = (Bounds::from(before), Bounds::from(after));
    let row = |field, before: String, after: String, direction| {
        let direction = if unknown { Direction::Unknown } else { direction };
        (before != after).then_some(FieldChange { field, before, after, direction })
    };
    [
        // the source limits nothing itself
        row(Field::Source, before.source().into(), after.source().into(), Direction::Neutral),
        row(Field::Absolute, absolute(before), absolute(after), direction(from.absolute, to.absolute)),
        row(Field::Idle, idle(before), idle(after), direction(from.idle, to.idle)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn direction(before: Option<Minutes>, after: Option<Minutes>) -> Direction {
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
        changes(&before, &after).iter().map(row).collect()
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
        assert!(changes(&Live::Unrecognized, &custom(480, None)).iter().all(|c| c.direction == Direction::Unknown));
    }

    fn lives() -> impl Strategy<Value = Live> {
        prop_oneof![
            Just(Live::Application),
            (1i64..5, proptest::option::of(1i64..5)).prop_map(|(absolute, idle)| custom(absolute, idle)),
        ]
    }

    fn overall(before: &Live, after: &Live) -> Direction {
        changes(before, after).iter().fold(Direction::Neutral, |all, change| all.and(change.direction))
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_opposite(before in lives(), after in lives()) {
            let opposite = match overall(&before, &after) {
                Direction::Tightening => Direction::Loosening,
                Direction::Loosening => Direction::Tightening,
                same => same,
            };
            prop_assert_eq!(overall(&after, &before), opposite);
        }

        #[test]
        fn what_does_not_change_has_no_row(live in lives()) {
            prop_assert!(changes(&live, &live).is_empty());
        }
    }
}
