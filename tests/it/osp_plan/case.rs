//! Random organizations, what is declared and what is live, and servers that
//! read and answer in other ways.

use proptest::{option, prelude::*};
use serde_json::{Value, json};

/// Absolute and idle timeout in minutes; `None` inherits.
type Policy = Option<(u32, Option<u32>)>;

/// What the organization's list of features has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Features {
    On,
    Off,
    /// Nothing at all.
    Empty,
}

#[derive(Debug, Clone)]
pub struct Case {
    mode: &'static str,
    suspend: bool,
    external: bool,
    declared: Policy,
    live: Policy,
    features: Features,
}

/// Small numbers, so that equal ones, and ones not above the access token's 5
/// minutes, are frequent.
fn policies() -> impl Strategy<Value = Policy> {
    let custom = (2u32..12, option::of(1u32..11)).prop_filter("idle below absolute", |(a, i)| i.is_none_or(|i| i < *a));
    option::weighted(0.8, custom)
}

pub fn cases() -> impl Strategy<Value = Case> {
    let mode = prop_oneof![3 => Just("Enforce"), 2 => Just("TightenOnly"), 1 => Just("Observe")];
    let features = prop_oneof![Just(Features::On), Just(Features::Off), Just(Features::Empty)];
    (mode, prop::bool::weighted(0.1), any::<bool>(), policies(), policies(), features).prop_map(
        |(mode, suspend, external, declared, live, features)| Case {
            mode,
            suspend,
            external,
            declared,
            live,
            features,
        },
    )
}

impl Case {
    /// Of organization `n`.
    pub fn spec(&self, n: usize) -> String {
        let name = if self.external { format!("externalId: tenant-{n}") } else { format!("id: org_{n}") };
        let policy = match self.declared {
            None => "policySource: APPLICATION".to_owned(),
            Some((absolute, idle)) => {
                let idle = idle.map(|i| {
                    format!(
                        ", idleSessionTimeoutEnabled: true, idleSessionTimeout: {i}, idleSessionTimeoutUnit: MINUTES"
                    )
                });
                format!(
                    "policySource: CUSTOM, absoluteSessionTimeout: {absolute}, absoluteSessionTimeoutUnit: MINUTES{}",
                    idle.unwrap_or_default()
                )
            }
        };
        format!("{{organization: {{{name}}}, mode: {}, suspend: {}, policy: {{{policy}}}}}", self.mode, self.suspend)
    }

    /// As the simulator takes it.
    pub fn live(&self) -> Value {
        let policy = match self.live {
            None => json!({"source": "APPLICATION"}),
            Some((absolute, idle)) => json!({"source": "CUSTOM", "absolute_minutes": absolute,
                "idle_enabled": idle.is_some(), "idle_minutes": idle}),
        };
        let features = match self.features {
            Features::Empty => json!([]),
            some => {
                json!([{"name": "sso", "enabled": true}, {"name": "session_policy", "enabled": some == Features::On}])
            }
        };
        json!({"policy": policy, "features": features})
    }
}

/// Settings of the simulator; what the contract leaves open.
pub fn servers() -> Vec<Value> {
    vec![
        json!({}),
        json!({"features": {"patch": "replace"}, "emission": {"unset": "zero"}}),
        json!({"gate": {"mode": "flag"}, "emission": {"unset": "null", "settings": "not_in_lists"}}),
        json!({"emission": {"drop_plain_zeros": true, "settings": "not_if_empty", "numbers_as_strings": true}}),
        json!({"policy": {"partial": "reset", "after_revert": "show"}, "emission": {"stale_idle": true}}),
        json!({"emission": {"settings": "never"}}),
    ]
}
