//! The application's session policy, and the responses of its endpoint (`scalekit-api.md` §2.9).

use crate::simulator::unit::Unit;
use serde::{Deserialize, Serialize};

/// How the application-session-policy endpoint responds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApplicationAnswer {
    #[default]
    Ok,
    /// 403: not enabled for the environment.
    Forbidden,
    /// 404 for an unknown route.
    NoRoute,
    Unimplemented,
}

settings! {
    /// Configured in Scalekit's dashboard, so only the admin endpoints change it. Returned in the units in
    /// which it was configured.
    struct Application {
        absolute: i64 = 7,
        absolute_unit: Unit = Unit::Days,
        idle_enabled: bool,
        /// 0 if idle is off.
        idle: i64,
        /// Not returned if idle is off.
        idle_unit: Unit,
        /// In minutes.
        access_token_expiry: i64 = 5,
        answer: ApplicationAnswer,
    }
}

impl Application {
    pub(crate) fn absolute_minutes(&self) -> i64 {
        self.absolute.saturating_mul(self.absolute_unit.minutes())
    }

    /// `None` if idle is off.
    pub(crate) fn idle_minutes(&self) -> Option<i64> {
        self.idle_enabled.then(|| self.idle.saturating_mul(self.idle_unit.minutes()))
    }
}
