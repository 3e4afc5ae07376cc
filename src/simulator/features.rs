//! The feature list of an organization, and the PATCH of its settings (`scalekit-api.md` §2.6).

use super::api_error::Violation;
use super::settings::{FeatureRules, PatchMode, UnknownName};
use serde::{Deserialize, Serialize};

pub(crate) const SESSION_POLICY: &str = "session_policy";

/// The known features. `directory_sync`, which old docs use, is not one.
pub(crate) const KNOWN: [&str; 4] = ["sso", "dir_sync", "domain_verification", SESSION_POLICY];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feature {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) enabled: bool,
}

/// Whether a feature is enabled; an absent one is not.
pub(crate) fn is_enabled(features: &[Feature], name: &str) -> bool {
    features.iter().any(|feature| feature.name == name && feature.enabled)
}

/// The list after a PATCH with `wanted`, or the violations.
pub(crate) fn patched(
    current: &[Feature],
    wanted: Vec<Feature>,
    rules: &FeatureRules,
) -> Result<Vec<Feature>, Vec<Violation>> {
    let mut list = match rules.patch {
        PatchMode::Merge => current.to_vec(),
        PatchMode::Replace => Vec::new(),
    };
    let mut seen = Vec::new();
    for mut feature in wanted {
        if seen.contains(&feature.name) {
            return Err(vec![Violation::new("features", "repeated.unique", format!("{} repeated", feature.name))]);
        }
        seen.push(feature.name.clone());
        if !KNOWN.contains(&feature.name.as_str()) {
            match rules.unknown {
                UnknownName::Reject => {
                    let text = format!("unknown feature {}", feature.name);
                    return Err(vec![Violation::new("features.name", "string.in", text)]);
                }
                UnknownName::Ignore => continue,
                UnknownName::Accept => {}
            }
        }
        if rules.stuck_off.contains(&feature.name) {
            feature.enabled = false;
        }
        match list.iter_mut().find(|entry| entry.name == feature.name) {
            Some(entry) => *entry = feature,
            None => list.push(feature),
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, bool)]) -> Vec<Feature> {
        entries.iter().map(|(name, enabled)| Feature { name: (*name).to_owned(), enabled: *enabled }).collect()
    }

    #[test]
    fn merging_keeps_what_the_patch_does_not_name() {
        let current = list(&[("sso", true), ("dir_sync", false)]);
        let patch = list(&[(SESSION_POLICY, true), ("dir_sync", true)]);
        let merged = patched(&current, patch.clone(), &FeatureRules::default()).unwrap();
        assert_eq!(merged, list(&[("sso", true), ("dir_sync", true), (SESSION_POLICY, true)]));
        let rules = FeatureRules { patch: PatchMode::Replace, ..FeatureRules::default() };
        assert_eq!(patched(&current, patch.clone(), &rules).unwrap(), patch);
    }

    #[test]
    fn an_unknown_name_is_rejected_ignored_or_accepted() {
        let patch = || list(&[("directory_sync", true)]);
        assert!(patched(&[], patch(), &FeatureRules::default()).is_err());
        let rules = |unknown| FeatureRules { unknown, ..FeatureRules::default() };
        assert_eq!(patched(&[], patch(), &rules(UnknownName::Ignore)), Ok(vec![]));
        assert_eq!(patched(&[], patch(), &rules(UnknownName::Accept)), Ok(patch()));
    }

    #[test]
    fn a_stuck_feature_stays_off_without_a_complaint() {
        let rules = FeatureRules { stuck_off: vec![SESSION_POLICY.to_owned()], ..FeatureRules::default() };
        let after = patched(&[], list(&[(SESSION_POLICY, true)]), &rules).unwrap();
        assert!(!is_enabled(&after, SESSION_POLICY));
    }

    #[test]
    fn one_feature_named_twice_is_refused() {
        assert!(patched(&[], list(&[("sso", true), ("sso", false)]), &FeatureRules::default()).is_err());
    }
}
