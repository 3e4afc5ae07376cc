//! One organization.

use crate::simulator::features::Feature;
use crate::simulator::policy::Policy;
use crate::simulator::stale_reads::StaleReads;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// The body of the admin request that creates an organization.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Draft {
    /// If empty, the next free number.
    pub(crate) id: String,
    pub(crate) external_id: Option<String>,
    pub(crate) display_name: String,
    /// By default `sso` on and `dir_sync` off.
    pub(crate) features: Option<Vec<Feature>>,
    pub(crate) policy: Policy,
}

impl Draft {
    pub(crate) fn new(id: String, external_id: Option<String>) -> Self {
        Self { display_name: format!("Organization {id}"), id, external_id, ..Self::default() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) external_id: Option<String>,
    pub(crate) display_name: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) features: StaleReads<Vec<Feature>>,
    pub(crate) policy: StaleReads<Policy>,
}

impl Organization {
    pub(crate) fn new(draft: Draft) -> Self {
        let now = Timestamp::now();
        let features = draft.features.unwrap_or_else(|| {
            let feature = |name: &str, enabled| Feature { name: name.to_owned(), enabled };
            vec![feature("sso", true), feature("dir_sync", false)]
        });
        Self {
            id: draft.id,
            external_id: draft.external_id,
            display_name: draft.display_name,
            created: now,
            updated: now,
            features: StaleReads::new(features),
            policy: StaleReads::new(draft.policy),
        }
    }

    /// The stored values for the admin endpoints, also while the API still returns older ones.
    pub(crate) fn as_stored(&self, now: Instant) -> Value {
        json!({
            "id": self.id,
            "external_id": self.external_id,
            "display_name": self.display_name,
            "created": self.created.to_string(),
            "updated": self.updated.to_string(),
            "features": self.features.stored(),
            "features_behind": self.features.is_behind(now),
            "policy": self.policy.stored(),
            "policy_behind": self.policy.is_behind(now),
        })
    }
}
