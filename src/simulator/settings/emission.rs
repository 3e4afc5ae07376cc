//! The marshal options of responses that the contract leaves open (`scalekit-api.md` §2, §6).

use serde::{Deserialize, Serialize};

/// How a value that is not set is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unset {
    #[default]
    Omit,
    /// 0, false, `""`, `{}` or the `…_UNSPECIFIED` enum name.
    Zero,
    Null,
}

/// In which responses something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    #[default]
    Always,
    /// Not in lists, as in the documentation's sample of a list.
    NotInLists,
    NotIfEmpty,
    Never,
}

settings! {
    struct Emission {
        unset: Unset,
        /// Leave out 0 and false of fields without presence (a feature's `enabled`, the application's idle),
        /// as proto3 JSON does by default.
        drop_plain_zeros: bool,
        /// In which responses organizations have `settings`.
        settings: Shown,
        /// Write timeouts as numeric strings.
        numbers_as_strings: bool,
        /// The name of the unit minutes in session policies; if empty, the unit is left out.
        minutes: String = "MINUTES".to_owned(),
        /// The name of the source APPLICATION.
        application: String = "APPLICATION".to_owned(),
        /// Write a stored idle timeout also with `idle_session_timeout_enabled:false`.
        stale_idle: bool,
    }
}
