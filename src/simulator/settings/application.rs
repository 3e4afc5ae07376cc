//! The application's own session policy, and how its endpoint responds
//! (`scalekit-api.md` §2.9).

use crate::simulator::unit::Unit;
use serde::{Deserialize, Serialize};

/// What the application-session-policy endpoint does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApplicationAnswer {
    /// Responds with the policy.
    #[default]
    Ok,
    /// 403: not enabled for the environment.
    Forbidden,
    /// The route does not exist.
    NoRoute,
    /// 501.
    Unimplemented,
}

settings! {
    /// Configured in Scalekit's dashboard, so only the admin endpoints change it.
    /// The values are in the unit they were configured in, and are returned in it.
    struct Application {
        absolute: i64 = 7,
        absolute_unit: Unit = Unit::Days,
        /// Whether idle sessions end early.
        idle_enabled: bool,
        /// 0 when idle is off.
        idle: i64,
        /// Not returned when idle is off.
        idle_unit: Unit,
        /// Always minutes.
        access_token_expiry: i64 = 5,
        answer: ApplicationAnswer,
    }
}

impl Application {
    pub(crate) fn absolute_minutes(&self) -> i64 {
        self.absolute.saturating_mul(self.absolute_unit.minutes())
    }

    /// `None` while idle is off.
    pub(crate) fn idle_minutes(&self) -> Option<i64> {
        self.idle_enabled.then(|| self.idle.saturating_mul(self.idle_unit.minutes()))
    }
}
