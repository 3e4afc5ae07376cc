//! The settings for what a request may contain and what it changes.

use serde::{Deserialize, Serialize};

/// How request bodies are read (`scalekit-api.md` §2, JSON conventions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parsing {
    /// An unknown field or enum name is a 400.
    #[default]
    Strict,
    /// Both are dropped without a word, grpc-gateway's usual configuration:
    /// `"hours"` becomes no unit, which is minutes.
    DiscardUnknown,
}

/// What a settings PATCH does with features that it does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PatchMode {
    /// They stay as they are.
    #[default]
    Merge,
    /// They disappear.
    Replace,
}

/// What a settings PATCH does with a feature name Scalekit does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownName {
    /// 400, nothing is changed.
    #[default]
    Reject,
    /// The entry is dropped.
    Ignore,
    /// The entry is stored like any other.
    Accept,
}

/// The feature list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeatureRules {
    /// Merge or replace; undocumented, so both can be simulated.
    pub(crate) patch: PatchMode,
    /// Undocumented as well.
    pub(crate) unknown: UnknownName,
    /// Features that a PATCH can't enable although it gets a 200.
    pub(crate) stuck_off: Vec<String>,
}

/// Where the session-policy feature is gated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GateMode {
    /// Nowhere: what Scalekit's own SDK tests rely on (`scalekit-api.md` §3.9).
    #[default]
    None,
    /// A CUSTOM policy needs the organization's `session_policy` feature.
    Flag,
    /// The environment lacks the feature: it can't be enabled, and the
    /// application's policy can't be read. Policy PATCHes are not touched.
    Environment,
}

/// The gate and the status it refuses with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Gate {
    pub(crate) mode: GateMode,
    /// 403 (`PERMISSION_DENIED`) or 400 (`FAILED_PRECONDITION`).
    pub(crate) status: u16,
}

impl Default for Gate {
    fn default() -> Self {
        Self { mode: GateMode::None, status: 403 }
    }
}

/// What happens to policy fields that a PATCH leaves out (`scalekit-api.md` §3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Partial {
    /// The stored value stays.
    #[default]
    Keep,
    /// They become unset; a missing `policy_source` is a 400.
    Reset,
}

/// What becomes of custom numbers when the source turns APPLICATION (`scalekit-api.md` §3.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterRevert {
    /// Forgotten.
    #[default]
    Drop,
    /// Kept for a later bare CUSTOM, not shown.
    Hide,
    /// Kept, and shown next to APPLICATION.
    Show,
}

/// The session-policy endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicyRules {
    /// False: both session-policy routes are unknown, as on an old server.
    pub(crate) routes: bool,
    /// Whether absolute > idle > access-token expiry is checked, along with
    /// missing and non-positive values.
    pub(crate) chain: bool,
    /// Whether a value looser than the application's is a 400 instead of
    /// being stored without effect.
    pub(crate) refuse_looser: bool,
    pub(crate) partial: Partial,
    pub(crate) after_revert: AfterRevert,
    /// A larger absolute timeout is silently lowered to this.
    pub(crate) max_absolute_minutes: Option<i64>,
    /// The idle timeout is silently not stored.
    pub(crate) drop_idle: bool,
}

impl Default for PolicyRules {
    fn default() -> Self {
        Self {
            routes: true,
            chain: true,
            refuse_looser: false,
            partial: Partial::Keep,
            after_revert: AfterRevert::Drop,
            max_absolute_minutes: None,
            drop_idle: false,
        }
    }
}
