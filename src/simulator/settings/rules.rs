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

settings! {
    struct FeatureRules {
        /// Merge or replace; undocumented, so both can be simulated.
        patch: PatchMode,
        /// Undocumented as well.
        unknown: UnknownName,
        /// Features that a PATCH can't enable although it gets a 200.
        stuck_off: Vec<String>,
    }
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

settings! {
    struct PolicyRules {
        /// False: both session-policy routes are unknown, as on an old server.
        routes: bool = true,
        /// Whether absolute > idle > access-token expiry is checked, along with
        /// missing and non-positive values.
        chain: bool = true,
        /// Whether a value looser than the application's is a 400 instead of
        /// being stored without effect.
        refuse_looser: bool,
        partial: Partial,
        after_revert: AfterRevert,
        /// A larger absolute timeout is silently lowered to this.
        max_absolute_minutes: Option<i64>,
        /// The idle timeout is silently not stored.
        drop_idle: bool,
    }
}
