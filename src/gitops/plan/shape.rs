//! The JSON of a plan, which `--output json` prints, `--save` writes and `osp apply --plan` reads.
//! Timeouts are in minutes.

use crate::{
    crd::ReportedPolicy,
    policy::{Live, OrganizationRef, Policy},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

/// The version of the format; `osp apply` refuses any other.
pub(super) const VERSION: u32 = 2;

/// One manifest and its organization.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) organization: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization_id: Option<String>,
    pub(super) mode: String,
    pub(super) declared: Limits,
    /// `change`, `in-sync`, `stricter-kept`, `drifted`, `suspended` or
    /// `problem`.
    pub(super) result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    /// The organization as Scalekit has it now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) live: Option<State>,
    /// The organization after the change, which with TightenOnly may be stricter than declared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) planned: Option<State>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) fields: Vec<Value>,
    /// The bodies of the writes: the complete list of features, the complete policy.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) writes: Vec<Value>,
    /// What is declared and has no effect.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Value>,
}

/// An organization by one of its names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Named {
    Id(String),
    ExternalId(String),
}

/// A policy like `status.policy`, without the texts for people. A saved plan with other fields was
/// changed by hand and is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Limits(ReportedPolicy);

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let limits = ReportedPolicy::deserialize(&value).map(Self).map_err(D::Error::custom)?;
        if serde_json::to_value(&limits).is_ok_and(|known| known == value) {
            Ok(limits)
        } else {
            Err(D::Error::custom("not a policy as a plan writes it"))
        }
    }
}

/// An organization before or after the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct State {
    /// Missing if Scalekit does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_policy_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Limits>,
    /// The limits of new sessions: `8h (organization) / 1h (organization)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective: Option<String>,
}

impl From<&OrganizationRef> for Named {
    fn from(organization: &OrganizationRef) -> Self {
        match organization {
            OrganizationRef::Id(id) => Self::Id(id.to_string()),
            OrganizationRef::External(id) => Self::ExternalId(id.to_string()),
        }
    }
}

impl From<&Live> for Limits {
    fn from(live: &Live) -> Self {
        Self(ReportedPolicy { absolute: None, idle: None, ..ReportedPolicy::from(live) })
    }
}

impl Limits {
    /// The policy that these limits declare; `None` if they are not exactly those of a policy.
    pub(super) fn policy(&self) -> Option<Policy> {
        Live::from(&self.0).declarable().filter(|policy| Self::from(&Live::from(*policy)) == *self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Idle, Minutes};
    use serde_json::json;

    #[test]
    fn a_policy_is_its_numbers_and_nothing_else() {
        let custom = Live::Custom { absolute: Minutes::new(480), idle: Idle::On(Minutes::new(60)) };
        let shown = serde_json::to_string(&Limits::from(&custom)).unwrap();
        let numbers = r#""absoluteSessionTimeout":480,"idleSessionTimeoutEnabled":true,"idleSessionTimeout":60"#;
        assert_eq!(shown, format!(r#"{{"policySource":"CUSTOM",{numbers}}}"#));
        assert_eq!(serde_json::from_str::<Limits>(&shown).unwrap().policy().map(Live::from), Some(custom));
        let unknown = serde_json::to_value(Limits::from(&Live::Unrecognized)).unwrap();
        assert_eq!(unknown, json!({"policySource": "UNRECOGNIZED"}));

        let read = |value| serde_json::from_value::<Limits>(value).ok().and_then(|limits| limits.policy());
        for odd in [
            json!({"policySource": "APPLICATION", "more": 1}),
            json!({"policySource": "APPLICATION", "idle": "1h"}),
            json!({"policySource": "APPLICATION", "idleSessionTimeout": 60}),
            json!({"policySource": "UNRECOGNIZED"}),
        ] {
            assert_eq!(read(odd.clone()), None, "{odd}");
        }
    }
}
