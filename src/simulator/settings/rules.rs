//! The settings for what requests may contain and what they change.

use serde::{Deserialize, Serialize};

/// How request bodies are read (`scalekit-api.md` §2, JSON conventions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parsing {
    /// An unknown field or enum name is a 400.
    #[default]
    Strict,
    /// Both are silently dropped, as grpc-gateway is usually configured: `"hours"` becomes no unit, which
    /// means minutes.
    DiscardUnknown,
}

/// What a settings PATCH does to features that it does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PatchMode {
    #[default]
    Merge,
    Replace,
}

/// What a settings PATCH does with an unknown feature name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownName {
    /// 400, and nothing changes.
    #[default]
    Reject,
    Ignore,
    Accept,
}

settings! {
    struct FeatureRules {
        /// Undocumented, so both modes can be simulated.
        patch: PatchMode,
        /// Undocumented as well.
        unknown: UnknownName,
        /// Features that a PATCH gets a 200 for and does not enable.
        stuck_off: Vec<String>,
    }
}

/// What a custom policy needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GateMode {
    /// Nothing, as Scalekit's own SDK tests expect (`scalekit-api.md` §3.9).
    #[default]
    None,
    /// The organization's feature `session_policy`.
    Flag,
    /// Nothing, but the environment lacks the feature: it can't be enabled, and the application's policy can't
    /// be read.
    Environment,
}

settings! {
    struct Gate {
        mode: GateMode,
        /// 403 (`PERMISSION_DENIED`) or 400 (`FAILED_PRECONDITION`).
        status: u16 = 403,
    }
}

/// What happens to policy fields that a PATCH leaves out (`scalekit-api.md` §3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Partial {
    /// They keep the stored value.
    #[default]
    Keep,
    /// They are unset; a missing `policy_source` is a 400.
    Reset,
}

/// What happens to the custom numbers when the source becomes APPLICATION (`scalekit-api.md` §3.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterRevert {
    #[default]
    Drop,
    /// They are kept for a later CUSTOM without numbers, but not returned.
    Hide,
    /// They are kept and returned.
    Show,
}

settings! {
    struct PolicyRules {
        /// If false, both session-policy routes are unknown, as on an old server.
        routes: bool = true,
        /// Whether absolute > idle > access token expiry is checked, and missing and non-positive values too.
        chain: bool = true,
        /// Whether a value looser than the application's is a 400; else it is stored without effect.
        refuse_looser: bool,
        partial: Partial,
        after_revert: AfterRevert,
        /// Silently lower a larger absolute timeout to this.
        max_absolute_minutes: Option<i64>,
        /// Silently do not store the idle timeout.
        drop_idle: bool,
    }
}
