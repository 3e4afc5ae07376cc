//! Timeouts in minutes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A timeout of 1 to 2 147 483 647 minutes: an int32 of the API (`scalekit-api.md` §7) without zero, which
/// means "not set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minutes(i32);

/// The unit of a declared timeout (`scalekit-api.md` §2.8).
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unit {
    /// One minute; the default.
    #[default]
    Minutes,
    /// 60 minutes.
    Hours,
    /// 1440 minutes.
    Days,
}

impl Unit {
    /// The number of minutes in this unit.
    pub const fn in_minutes(self) -> i64 {
        match self {
            Self::Minutes => 1,
            Self::Hours => 60,
            Self::Days => 24 * 60,
        }
    }

    /// The name in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minutes => "MINUTES",
            Self::Hours => "HOURS",
            Self::Days => "DAYS",
        }
    }

    /// The largest value in this unit whose minutes fit into an int32.
    pub const fn largest(self) -> i64 {
        i32::MAX as i64 / self.in_minutes()
    }
}

impl Minutes {
    /// Converts `value` of `unit`; `None` if it is out of range.
    pub fn of(value: i64, unit: Unit) -> Option<Self> {
        let minutes = value.checked_mul(unit.in_minutes())?;
        i32::try_from(minutes).ok().filter(|m| *m >= 1).map(Self)
    }

    /// A timeout of so many minutes; `None` if it is out of range.
    pub fn new(minutes: i64) -> Option<Self> {
        Self::of(minutes, Unit::Minutes)
    }

    /// The number of minutes.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The value in the largest unit that divides it, as a manifest has it.
    pub fn in_largest_unit(self) -> (i64, Unit) {
        let minutes = i64::from(self.0);
        let even = [Unit::Days, Unit::Hours].into_iter().find(|unit| minutes % unit.in_minutes() == 0);
        let unit = even.unwrap_or(Unit::Minutes);
        (minutes / unit.in_minutes(), unit)
    }

    /// The timeout that is one minute shorter, if there is one.
    pub fn one_less(self) -> Option<Self> {
        Self::new(i64::from(self.0) - 1)
    }
}

/// In the largest unit that divides it: `7d`, `8h`, `90m`.
impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            m if m % 1440 == 0 => write!(f, "{}d", m / 1440),
            m if m % 60 == 0 => write!(f, "{}h", m / 60),
            m => write!(f, "{m}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: [Unit; 3] = [Unit::Minutes, Unit::Hours, Unit::Days];

    #[test]
    fn the_largest_value_of_each_unit_fits_and_one_more_does_not() {
        assert_eq!(Unit::Days.largest(), 1_491_308);
        assert_eq!(Unit::Hours.largest(), 35_791_394);
        for unit in UNITS {
            assert!(Minutes::of(unit.largest(), unit).is_some());
            assert_eq!(Minutes::of(unit.largest() + 1, unit), None);
        }
    }

    #[test]
    fn zero_and_negative_are_no_timeout() {
        for unit in UNITS {
            assert_eq!(Minutes::of(0, unit), None);
            assert_eq!(Minutes::of(-1, unit), None);
            assert_eq!(Minutes::of(i64::MIN, unit), None);
        }
    }

    #[test]
    fn a_timeout_reads_in_its_largest_even_unit() {
        let shown = |m| Minutes::new(m).map(|m| m.to_string());
        assert_eq!(shown(10_080).as_deref(), Some("7d"));
        assert_eq!(shown(480).as_deref(), Some("8h"));
        assert_eq!(shown(90).as_deref(), Some("90m"));
    }

    #[test]
    fn a_manifest_has_a_timeout_in_its_largest_even_unit() {
        let declared = |m| Minutes::new(m).map(Minutes::in_largest_unit);
        assert_eq!(declared(10_080), Some((7, Unit::Days)));
        assert_eq!(declared(480), Some((8, Unit::Hours)));
        assert_eq!(declared(90), Some((90, Unit::Minutes)));
        assert_eq!(UNITS.map(Unit::name), ["MINUTES", "HOURS", "DAYS"]);
    }

    proptest! {
        #[test]
        fn conversion_agrees_with_wide_arithmetic(value: i64, unit in 0usize..3) {
            let unit = UNITS[unit];
            let wide = i128::from(value) * i128::from(unit.in_minutes());
            let expected = (1..=i128::from(i32::MAX)).contains(&wide).then_some(wide);
            prop_assert_eq!(Minutes::of(value, unit).map(|m| i128::from(m.get())), expected);
        }

        #[test]
        fn conversion_agrees_with_wide_arithmetic_near_the_edge(off in -3i64..3, unit in 0usize..3) {
            let unit = UNITS[unit];
            let value = unit.largest() + off;
            let wide = i128::from(value) * i128::from(unit.in_minutes());
            let expected = (wide <= i128::from(i32::MAX)).then_some(wide);
            prop_assert_eq!(Minutes::of(value, unit).map(|m| i128::from(m.get())), expected);
        }
    }
}
