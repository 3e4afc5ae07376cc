//! What the cache keeps of one resource.

use super::{credentials::CredentialsRef, object::Object, resource_ref::ResourceRef, status, texts::Texts};
use crate::{
    policy::{DeletionPolicy, Live, OrganizationRef, ValidatedSpec},
    reconcile::{
        Cached, Claim, ClaimKey, ClaimState, Claimant, Condition, ConditionStatus, ConditionType, Declared, Pinned,
        Reason, Resource, Watched,
    },
};
use jiff::Timestamp;
use kube::ResourceExt;
use std::{sync::Arc, time::Duration};

/// What is kept of one watched resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) resource: ResourceRef,
    /// `spec.interval`.
    pub(super) interval: Option<Duration>,
    /// `status.environment`.
    pub(super) environment: Option<Arc<str>>,
    /// Another process may have sent writes for it: it was in the first list, or there
    /// when this process began to lead, and was pinned or had our finalizer.
    pub(super) predecessor: bool,
    /// It is pinned or has our finalizer.
    pub(super) written: bool,
    created: Timestamp,
    pub(super) version: Option<u64>,
    secret: Option<Arc<str>>,
    pub(super) watched: Watched,
    pub(super) claim: Claim,
    /// In the order of [`ConditionType::ALL`].
    conditions: [Option<(ConditionStatus, Reason)>; ConditionType::ALL.len()],
    /// Since when it is not Ready, in seconds since 1970; `None`: it is, or somebody has suspended it.
    not_ready_since: Option<u32>,
    rest: Option<Rest>,
    /// The digest of the update that the status shows, where a reconcile of this process knows it.
    pub(super) reported: Option<u64>,
}

/// What is left of a resource at rest.
#[derive(Debug, Clone, PartialEq)]
struct Rest {
    generation: i64,
    finalizer: bool,
    deletion: DeletionPolicy,
    observed: Option<Live>,
    handled_at: Option<Box<str>>,
}

impl Entry {
    /// The entry of an object from the API server, decodable or not.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let (resource, now) = (status::resource(object), Timestamp::now());
        let watched = Watched::of(&resource, now);
        let resource = resource.at(now);
        let reference = ResourceRef::of(kube::Resource::meta(object))?;
        let spec = resource.spec.as_ref().ok();
        let mut entry = Self {
            interval: spec.and_then(|spec| spec.interval),
            environment: resource.pinned.as_ref().map(|pinned| pinned.environment.as_str().into()),
            predecessor: false,
            written: resource.may_have_written(),
            created: created(object),
            version: version(object),
            secret: spec.and_then(|spec| spec.secret.as_deref().map(Arc::from)),
            watched,
            claim: Claim::of(&resource, &reference.namespace),
            conditions: conditions(&resource),
            not_ready_since: not_ready_since(object, &resource),
            rest: Rest::of(&resource),
            reported: None,
            resource: reference,
        };
        let at_rest = resource.cached();
        if at_rest.is_none() || entry.at_rest() != at_rest {
            entry.rest = None; // it has something that is not kept
        }
        Some(entry)
    }

    /// What a reconcile may go by that finds all in order.
    pub(super) fn cached(&self) -> Option<Cached> {
        Some(Cached { reported: self.reported?, resource: Box::new(self.at_rest()?) })
    }

    /// The resource, if it is at rest.
    fn at_rest(&self) -> Option<Resource> {
        let rest = self.rest.as_ref()?;
        let (identity, organization) = self.claim.keys.iter().find_map(|key| match key {
            ClaimKey::Verified { environment, organization } => Some((environment, organization)),
            _ => None,
        })?;
        let declared = self.claim.keys.iter().find_map(|key| match key {
            ClaimKey::Named(organization) => Some(organization),
            _ => None,
        })?;
        let environment = self.environment.as_ref()?;
        let Declared { policy, mode } = self.claim.declared?;
        let spec = ValidatedSpec {
            organization: declared.clone(),
            policy,
            mode,
            deletion: rest.deletion,
            suspend: false,
            suspended_until: None,
            interval: self.interval,
            secret: self.secret.as_deref().map(Into::into),
        };
        let conditions = ConditionType::ALL.iter().zip(&self.conditions).filter_map(|(type_, condition)| {
            let (status, reason) = (*condition)?;
            Some(Condition::new(*type_, status, reason, ""))
        });
        Some(Resource {
            generation: rest.generation,
            deleting: false,
            finalizer: rest.finalizer,
            spec: Ok(spec),
            pinned: Some(Pinned {
                environment: environment.as_ref().into(),
                issuer: (identity != environment).then(|| identity.as_ref().into()),
                organization: organization.clone(),
            }),
            claim: Some(ClaimState::Verified),
            enabled_feature: self.claim.enabled_feature,
            adopted: self.claim.adopted,
            written: self.claim.written,
            observed: rest.observed,
            observed_generation: rest.generation,
            conditions: conditions.collect(),
            requested_at: rest.handled_at.as_deref().map(Into::into),
            handled_at: rest.handled_at.as_deref().map(Into::into),
            release: None,
        })
    }

    pub(super) fn condition(&self, type_: ConditionType) -> Option<(ConditionStatus, Reason)> {
        let (_, condition) = ConditionType::ALL.iter().zip(&self.conditions).find(|(other, _)| **other == type_)?;
        *condition
    }

    /// Whether no person and nothing else is waited for, as far as the status says.
    pub(super) fn may_be_ready(&self) -> bool {
        self.condition(ConditionType::Ready).is_some_and(|(status, _)| status != ConditionStatus::False)
    }

    /// For how long it is not Ready, whatever the reasons were; `None`: it is, or somebody has suspended it.
    pub(super) fn not_ready_for(&self, now: Timestamp) -> Option<Duration> {
        self.not_ready_since.map(|since| Duration::from_secs(seconds(now).saturating_sub(since).into()))
    }

    /// The organization: its id, or where that is not known the external id that the spec names.
    pub(super) fn organization(&self) -> Option<String> {
        let named = |key: &ClaimKey| match key {
            ClaimKey::Verified { organization, .. } | ClaimKey::Named(OrganizationRef::Id(organization)) => {
                Some(organization.to_string())
            }
            ClaimKey::Named(OrganizationRef::External(id)) => Some(id.as_str().to_owned()),
            ClaimKey::Declared { .. } => None,
        };
        self.claim.keys.iter().find_map(named) // the verified one comes first
    }

    /// `spec.mode`, if the spec is valid.
    pub(super) fn mode(&self) -> &'static str {
        self.claim.declared.map_or("None", |declared| declared.mode.name())
    }

    pub(super) fn credentials(&self) -> CredentialsRef {
        CredentialsRef::of(&self.resource.namespace, self.secret.as_deref())
    }

    pub(super) fn claimant(&self) -> Claimant {
        let claimant = claimant(&self.resource, self.created, self.claim.clone());
        Claimant { host: self.environment.as_deref().map(Into::into), ..claimant }
    }

    /// Takes the place of the entry `before`: keeps what that one knows besides, and refers to its texts,
    /// and to those that others have too.
    pub(super) fn follow(&mut self, before: Option<&Self>, texts: &mut Texts) {
        let same = |before: &&Self| {
            (before.version, &before.rest, &before.conditions) == (self.version, &self.rest, &self.conditions)
                && before.claim == self.claim
        };
        self.reported = before.filter(same).and_then(|before| before.reported);
        if let (Some(before), Some(since)) = (before, &mut self.not_ready_since) {
            // the time of the condition is that of its last change, from False to Unknown too, or of a suspension
            *since = before.not_ready_since.unwrap_or_else(|| seconds(Timestamp::now()));
        }
        match before {
            Some(before) => self.resource = before.resource.clone(), // the uid says that it is the same
            None => texts.share(&mut self.resource.namespace),
        }
        self.environment.iter_mut().chain(&mut self.secret).for_each(|text| texts.share(text));
        let mut organizations: Vec<OrganizationRef> = Vec::new();
        for key in &mut self.claim.keys {
            if let ClaimKey::Verified { environment, organization } = key {
                texts.share(environment);
                organizations.push(OrganizationRef::Id(organization.clone()));
            }
            if let ClaimKey::Declared { credentials: Some((namespace, secret)), .. } = key {
                texts.share(namespace);
                texts.share(secret);
            }
            if let ClaimKey::Declared { organization, .. } | ClaimKey::Named(organization) = key {
                match organizations.iter().find(|other| *other == organization) {
                    Some(same) => *organization = same.clone(),
                    None => organizations.push(organization.clone()),
                }
            }
        }
        self.claim.keys.shrink_to_fit();
    }
}

impl Rest {
    fn of(resource: &Resource) -> Option<Self> {
        let spec = resource.spec.as_ref().ok()?;
        Some(Self {
            generation: resource.generation,
            finalizer: resource.finalizer,
            deletion: spec.deletion,
            observed: resource.observed,
            handled_at: resource.handled_at.as_deref().map(Into::into),
        })
    }
}

fn conditions(resource: &Resource) -> [Option<(ConditionStatus, Reason)>; ConditionType::ALL.len()] {
    let mut conditions = [None; ConditionType::ALL.len()];
    for (type_, kept) in ConditionType::ALL.iter().zip(&mut conditions) {
        *kept = resource.condition(*type_).map(|condition| (condition.status, condition.reason));
    }
    conditions
}

/// Since when the status says that it is not Ready; of one without a status since it is there.
fn not_ready_since(object: &Object, resource: &Resource) -> Option<u32> {
    let ready = resource.condition(ConditionType::Ready);
    if ready.is_some_and(|ready| ready.status == ConditionStatus::True || ready.reason == Reason::Suspended) {
        return None;
    }
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let dated = conditions.filter(|condition| condition.type_ == ConditionType::Ready.name());
    let changed = dated.map(|condition| condition.last_transition_time.0).next();
    let since = changed.filter(|_| ready.is_some()).or_else(|| object.creation_timestamp().map(|time| time.0));
    Some(seconds(since.unwrap_or_else(Timestamp::now)))
}

/// In whole seconds since 1970, which fit until 2106.
fn seconds(at: Timestamp) -> u32 {
    at.as_second().try_into().unwrap_or_default()
}

/// The resource that is being reconciled as a claimant, for the decision about ownership.
pub(super) fn own_claimant(reference: &ResourceRef, object: &Object, resource: &Resource) -> Claimant {
    claimant(reference, created(object), Claim::of(resource, &reference.namespace))
}

fn claimant(ResourceRef { uid, namespace, name }: &ResourceRef, created: Timestamp, claim: Claim) -> Claimant {
    let (namespace, name, uid) = (namespace.to_string(), name.to_string(), uid.to_string());
    Claimant {
        created,
        namespace,
        name,
        uid,
        claim,
        reconciled: false,
        lapsed: false,
        just_in_sync: false,
        served: false,
        host: None,
    }
}

/// The resource version as a number; Kubernetes guarantees that it is one.
pub(super) fn version(object: &Object) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

fn created(object: &Object) -> Timestamp {
    object.creation_timestamp().map_or(Timestamp::MAX, |time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{FINALIZER, REQUESTED_AT, SUSPENDED_UNTIL};
    use serde_json::{Value, json};

    fn object(change: impl FnOnce(&mut Value)) -> Object {
        let condition = |(type_, status, reason): (&str, &str, &str)| {
            json!({"type": type_, "status": status, "reason": reason, "message": "in words",
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let conditions = [
            ("Synced", "False", "StricterKept"),
            ("Ready", "True", "StricterKept"),
            ("Effective", "Unknown", "ApplicationPolicyUnreadable"),
            ("FeatureEnabled", "True", "Enabled"),
        ];
        let mut object = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "1", "generation": 3, "finalizers": [FINALIZER, "b/c"],
                "annotations": {REQUESTED_AT: "one"}},
            "spec": {
                "organization": {"externalId": "tenant-1"},
                "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 8, "absoluteSessionTimeoutUnit": "HOURS"},
                "mode": "TightenOnly", "deletionPolicy": "Restore", "interval": "7m",
                "credentialsSecretRef": {"name": "scalekit"},
            },
            "status": {"observedGeneration": 3, "environment": "auth.example.com", "issuer": "env.scalekit.com",
                "organizationId": "org_1", "claim": "Verified", "enabledFeature": true,
                "adopted": {"source": "CUSTOM", "absoluteMinutes": 600},
                "written": {"source": "CUSTOM", "absoluteMinutes": 480},
                "policy": {"source": "CUSTOM", "absoluteMinutes": 450}, "lastHandledReconcileAt": "one",
                "conditions": conditions.map(condition)},
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    fn cached(object: &Object) -> Option<Resource> {
        let mut entry = Entry::of(object).unwrap();
        entry.reported = Some(1);
        entry.cached().map(|cached| *cached.resource)
    }

    #[test]
    fn a_resource_at_rest_can_be_told_from_what_is_kept_of_it_and_another_one_can_not() {
        let changes: [fn(&mut Value); 6] = [
            |_| {},
            |object| object["metadata"]["annotations"][SUSPENDED_UNTIL] = "2026-01-01T00:00:00Z".into(),
            |object| object["spec"]["organization"] = json!({"id": "org_1"}),
            |object| {
                object["spec"] = json!({"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}})
            },
            |object| object["status"]["issuer"] = Value::Null,
            |object| object["metadata"]["annotations"] = Value::Null,
        ];
        for change in changes {
            let object = object(change);
            let expected = status::resource(&object).at(Timestamp::now()).cached();
            assert!(expected.is_some());
            assert_eq!(cached(&object), expected);
        }
        let changes: [fn(&mut Value); 6] = [
            |object| object["metadata"]["annotations"][SUSPENDED_UNTIL] = "9999-01-01T00:00:00Z".into(),
            |object| object["metadata"]["generation"] = 4.into(),
            |object| object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into(),
            |object| object["metadata"]["annotations"][REQUESTED_AT] = "two".into(),
            |object| object["status"]["claim"] = Value::Null,
            |object| object["status"]["conditions"][1]["status"] = "False".into(),
        ];
        changes.into_iter().for_each(|change| assert_eq!(cached(&object(change)), None));
    }

    #[test]
    fn how_long_a_resource_is_not_ready_counts_from_when_it_last_was_whatever_the_reasons_are_meanwhile() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let ready = |status: &str, reason: &str| {
            let (status, reason) = (status.to_owned(), reason.to_owned());
            Entry::of(&object(|object| {
                (object["status"]["conditions"][1]["status"], object["status"]["conditions"][1]["reason"]) =
                    (status.into(), reason.into());
            }))
            .unwrap()
        };
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(ready("True", "InSync").not_ready_for(now), None);
        assert_eq!(ready("Unknown", "Suspended").not_ready_for(now), None, "somebody wants it so");
        assert_eq!(ready("False", "Conflict").not_ready_for(now), hour, "as the status says at the start");
        let after = |before: &Entry, (status, reason): (&str, &str)| {
            let mut entry = ready(status, reason);
            entry.follow(Some(before), &mut Texts::default());
            entry.not_ready_since
        };
        let mut before = ready("False", "RejectedByApi");
        before.not_ready_since = Some(7);
        for reasons in [("False", "Conflict"), ("Unknown", "ApiServerError"), ("False", "RejectedByApi")] {
            assert_eq!(after(&before, reasons), Some(7), "{reasons:?}");
        }
        assert_eq!(after(&before, ("True", "InSync")), None);
        let since = seconds(Timestamp::now());
        for was in [("True", "InSync"), ("Unknown", "Suspended")] {
            assert!(after(&ready(was.0, was.1), ("Unknown", "Conflict")) >= Some(since), "not since the status says");
        }
        let created = Entry::of(&object(|object| {
            (object["status"], object["metadata"]["creationTimestamp"]) = (Value::Null, "2026-01-01T00:30:00Z".into());
        }));
        assert_eq!(created.unwrap().not_ready_for(now), Some(Duration::from_secs(1800)), "nobody has looked at it yet");
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 336, "{}", size_of::<Entry>());
    }
}
