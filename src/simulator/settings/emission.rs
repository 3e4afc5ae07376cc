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

/// The marshal options of responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Emission {
    pub(crate) unset: Unset,
    /// Leaves out 0 and false of plain fields (a feature's `enabled`, the
    /// application's idle), as proto3 JSON does by default.
    pub(crate) drop_plain_zeros: bool,
    /// Where organizations come with their `settings`.
    pub(crate) settings: Shown,
    /// Timeouts as numeric strings.
    pub(crate) numbers_as_strings: bool,
    /// The word for minutes in session policies; empty leaves the unit out.
    pub(crate) minutes: String,
    /// The word for the source APPLICATION.
    pub(crate) application: String,
    /// Shows a stored idle timeout next to `idle_session_timeout_enabled:false`.
    pub(crate) stale_idle: bool,
}

impl Default for Emission {
    fn default() -> Self {
        Self {
            unset: Unset::Omit,
            drop_plain_zeros: false,
            settings: Shown::Always,
            numbers_as_strings: false,
            minutes: "MINUTES".to_owned(),
            application: "APPLICATION".to_owned(),
            stale_idle: false,
        }
    }
}
