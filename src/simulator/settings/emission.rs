//! How responses are written: the marshal options that the contract leaves open
//! (`scalekit-api.md` §2, §6).

use serde::{Deserialize, Serialize};

/// What stands for a value that is not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unset {
    /// Nothing: the key is left out.
    #[default]
    Omit,
    /// 0, false, `""`, `{}` or the `…_UNSPECIFIED` enum name.
    Zero,
    /// `null`.
    Null,
}

/// Where something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shown {
    /// In every response.
    #[default]
    Always,
    /// Not in lists, as in the documentation's sample of one.
    NotInLists,
    /// Not if there is nothing in it.
    NotIfEmpty,
    /// In no response.
    Never,
}

settings! {
    struct Emission {
        unset: Unset,
        /// Leaves out 0 and false of plain fields (a feature's `enabled`, the
        /// application's idle), as proto3 JSON does by default.
        drop_plain_zeros: bool,
        /// Where organizations come with their `settings`.
        settings: Shown,
        /// Timeouts as numeric strings.
        numbers_as_strings: bool,
        /// The word for minutes in session policies; empty leaves the unit out.
        minutes: String = "MINUTES".to_owned(),
        /// The word for the source APPLICATION.
        application: String = "APPLICATION".to_owned(),
        /// Shows a stored idle timeout next to `idle_session_timeout_enabled:false`.
        stale_idle: bool,
    }
}
