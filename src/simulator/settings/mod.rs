//! The settings: how the simulator behaves where the contract leaves it open (`scalekit-api.md` §6, §8).
//!
//! The defaults are the most plausible server. A partial JSON object is merged into the current (PATCH)
//! or the default (PUT) settings. An unknown name is an error, so that a typing mistake does not make a
//! test useless.

/// Declares a group of settings: a struct whose fields are set by name in JSON, each with the given
/// default or else that of its type.
macro_rules! settings {
    ($(#[$doc:meta])* struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty $(= $default:expr)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: settings!(@default $($default)?),)* }
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}

mod application;
mod emission;
mod rules;
mod traffic;

pub(crate) use application::{Application, ApplicationAnswer};
pub(crate) use emission::{Emission, Shown, Unset};
pub(crate) use rules::{
    AfterRevert, FeatureRules, Gate, GateMode, Parsing, Partial, PatchMode, PolicyRules, UnknownName,
};
pub(crate) use traffic::{Lag, RateLimit, RateLimitForm, Token};

use serde::{Deserialize, Serialize};
use serde_json::Value;

settings! {
    struct Settings {
        parsing: Parsing,
        /// The largest request body; a larger one gets a 413.
        max_body_bytes: usize = 1 << 20,
        /// Whether `%2F` in a path segment is part of the segment; else the route is unknown, as at a gateway
        /// that decodes first.
        encoded_slash_routes: bool = true,
        /// The delay before a request is carried out.
        latency_ms: u64,
        /// The largest random addition to the delay.
        latency_jitter_ms: u64,
        /// How long reads return the old value after a write.
        lag: Lag,
        token: Token,
        rate_limit: RateLimit,
        features: FeatureRules,
        /// Where a custom policy needs the feature session_policy.
        gate: Gate,
        policy: PolicyRules,
        application: Application,
        emission: Emission,
    }
}

impl Settings {
    /// These settings with a partial object merged into them (RFC 7386): `null` restores a default, a list is
    /// replaced as a whole.
    pub(crate) fn overlaid(&self, partial: &Value) -> Result<Self, serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        json_patch::merge(&mut whole, partial);
        serde_json::from_value(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_partial_object_changes_only_what_it_names() {
        let settings =
            Settings::default().overlaid(&json!({"gate": {"mode": "flag"}, "parsing": "discard_unknown"})).unwrap();
        assert_eq!(settings.gate.mode, GateMode::Flag);
        assert_eq!(settings.gate.status, Gate::default().status);
        assert_eq!(settings.parsing, Parsing::DiscardUnknown);
        assert_eq!(settings.policy, PolicyRules::default());
    }

    #[test]
    fn null_restores_the_default() {
        let limited = Settings::default().overlaid(&json!({"rate_limit": {"per_second": 5.0}})).unwrap();
        assert_eq!(limited.overlaid(&json!({"rate_limit": {"per_second": null}})).unwrap(), Settings::default());
    }

    #[test]
    fn a_misspelt_name_is_refused_at_any_depth() {
        for wrong in [json!({"latency": 5}), json!({"gate": {"modus": "flag"}}), json!({"gate": {"mode": "flags"}})] {
            assert!(Settings::default().overlaid(&wrong).is_err(), "{wrong}");
        }
    }
}
