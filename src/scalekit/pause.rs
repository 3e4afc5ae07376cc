//! How long nothing is sent to a host after a 429 (`docs/development/failures.md` rows 10 and 12).

use super::refill::{LONGEST_PAUSE, SHORTEST_PAUSE};
use std::time::Duration;

/// The longest pause after a 429 without a hint how long to wait, in seconds.
const LONGEST_BACKOFF: f64 = 300.0;

/// The pause after a 429 that asks to wait for `hint`, or which is the `nth` in a row without one.
pub(super) fn pause(hint: Option<Duration>, nth: i32) -> Duration {
    hint.map_or_else(|| backoff(nth, fastrand::f64()), |hint| hint.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

/// Anything from one second to a ceiling that doubles up to five minutes.
fn backoff(nth: i32, chance: f64) -> Duration {
    let ceiling = 2f64.powi(nth.clamp(1, 30)).min(LONGEST_BACKOFF);
    Duration::from_secs_f64(1.0 + chance * (ceiling - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn row_012_a_backoff_lasts_one_second_to_five_minutes(nth: i32, chance in 0.0f64..1.0) {
            let pause = backoff(nth, chance);
            prop_assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(300));
        }
    }
}
