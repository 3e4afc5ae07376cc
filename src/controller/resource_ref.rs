//! References to resources.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::Resource;
use std::{fmt, sync::Arc};

use crate::crd::OrganizationSessionPolicy;

/// The uid of a resource; a later resource of the same name has another one.
pub(super) type Uid = Arc<str>;

/// Which resource is meant: also when one of the same name takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ResourceRef {
    pub(super) uid: Uid,
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

impl ResourceRef {
    /// The reference to an object from the API server; `None` without a uid, namespace or name, which it
    /// always has.
    pub(super) fn of(meta: &ObjectMeta) -> Option<Self> {
        Some(Self {
            uid: meta.uid.as_deref()?.into(),
            namespace: meta.namespace.as_deref()?.into(),
            name: meta.name.as_deref()?.into(),
        })
    }

    /// The reference as events carry it.
    pub(super) fn object_ref(&self) -> k8s_openapi::api::core::v1::ObjectReference {
        k8s_openapi::api::core::v1::ObjectReference {
            api_version: Some(OrganizationSessionPolicy::api_version(&()).into_owned()),
            kind: Some(OrganizationSessionPolicy::kind(&()).into_owned()),
            name: Some(self.name.to_string()),
            namespace: Some(self.namespace.to_string()),
            uid: Some(self.uid.to_string()),
            ..Default::default()
        }
    }
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
