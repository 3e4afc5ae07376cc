//! The requests to the API server, each with a deadline. Kube's own retries are off, since they would
//! delay a reconcile for minutes without a log line.

use super::{object::Object, resource_ref::ResourceRef};
use crate::{
    apiserver::{self, ConfigError, Lifetime, Selection},
    crd::FINALIZER,
    reconcile::ClusterWrite,
    telemetry::{Health, Metrics},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use thiserror::Error;
pub(super) const MANAGER: &str = "session-policy-operator";

/// The deadline of one request: longer than the API server's own deadline for a slow write, shorter
/// than a person waits.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// A request to the API server that failed.
#[derive(Debug, Error)]
pub enum KubeError {
    /// No response before the deadline.
    #[error("the API server did not answer within {} s", DEADLINE.as_secs())]
    TimedOut,
    /// An error response, or no connection.
    #[error("the API server{}", response_text(.0))]
    Kube(#[source] Box<kube::Error>),
    /// The kubeconfig can't be used.
    #[error("no cluster to talk to: {0}")]
    Config(#[from] ConfigError),
}

impl From<kube::Error> for KubeError {
    fn from(error: kube::Error) -> Self {
        Self::Kube(Box::new(error))
    }
}

/// A client from the default kubeconfig or the pod's service account, whose requests `metrics` count.
pub async fn connect(metrics: &Metrics) -> Result<Client, KubeError> {
    let requests = metrics.api_requests.clone();
    let observer = Arc::new(move |method: &_, status| requests.ended(method, status));
    Ok(apiserver::observed_client(Selection::default().configuration(Lifetime::Process).await?, observer)?)
}

/// The client of the API server. Each response is recorded in `health`.
#[derive(Clone)]
pub(super) struct KubeApi {
    pub(super) client: Client,
    pub(super) health: Health,
}

/// The object after a write, or why it could not be written.
pub(super) type Written = Result<Result<Object, ClusterWrite>, KubeError>;

impl KubeApi {
    /// Reads a resource; `None` if it is gone, or if one of the same name has another uid.
    pub(super) async fn read(&self, reference: &ResourceRef) -> Result<Option<Object>, KubeError> {
        let api: Api<Object> = Api::namespaced(self.client.clone(), &reference.namespace);
        let found = self.with_deadline(api.get_opt(&reference.name)).await?;
        Ok(found.filter(|object| object.uid().as_deref() == Some(&*reference.uid)))
    }

    pub(super) async fn terminating(&self, namespace: &str) -> Result<bool, KubeError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = self.with_deadline(api.get_opt(namespace)).await?;
        Ok(found.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
    }

    /// Applies `status` server-side, if the object has not changed since it was read. The resource version
    /// is sent since the API server does not compare the uid when a status is applied.
    pub(super) async fn write_status(
        &self,
        reference: &ResourceRef,
        object: &Object,
        status: &serde_json::Value,
    ) -> Written {
        let api: Api<Object> = Api::namespaced(self.client.clone(), &reference.namespace);
        let object_ref = reference.object_ref();
        let applied = json!({
            "apiVersion": object_ref.api_version,
            "kind": object_ref.kind,
            "metadata": {"name": &*reference.name, "namespace": &*reference.namespace, "uid": &*reference.uid,
                "resourceVersion": object.resource_version()},
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        let written = self.with_deadline(api.patch_status(&reference.name, &params, &Patch::Apply(applied))).await;
        match refused(&written) {
            Some(true) => self.health.record_status_write(true),
            Some(false) if written.is_ok() => self.health.record_status_write(false),
            _ => {}
        }
        write_outcome(written)
    }

    /// Adds our finalizer, if the uid is still the same.
    pub(super) async fn add_finalizer(&self, reference: &ResourceRef, object: &Object) -> Written {
        let operation = if object.finalizers().is_empty() {
            // fails if somebody else has added one since
            json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": object.resource_version()},
                {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
            ])
        } else {
            json!([{"op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER}])
        };
        self.patch(reference, object, operation).await
    }

    /// Removes our finalizer and no other, if the uid is still the same.
    pub(super) async fn remove_finalizer(&self, reference: &ResourceRef, object: &Object) -> Written {
        let Some(index) = object.finalizers().iter().position(|f| f == FINALIZER) else {
            return Ok(Err(ClusterWrite::Outdated));
        };
        let path = format!("/metadata/finalizers/{index}");
        let operation = json!([
            {"op": "test", "path": path, "value": FINALIZER},
            {"op": "remove", "path": path},
        ]);
        self.patch(reference, object, operation).await
    }

    async fn patch(&self, reference: &ResourceRef, object: &Object, operations: serde_json::Value) -> Written {
        let api: Api<Object> = Api::namespaced(self.client.clone(), &reference.namespace);
        let mut patch = json!([{"op": "test", "path": "/metadata/uid", "value": &*reference.uid}]);
        if let (Some(patch), serde_json::Value::Array(operations)) = (patch.as_array_mut(), operations) {
            patch.extend(operations);
        }
        let patch: json_patch::Patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        let patched = self.with_deadline(api.patch(&reference.name, &params, &Patch::Json::<()>(patch))).await;
        let refused = matches!(&patched, Err(KubeError::Kube(error)) if code(error) == Some(422));
        // 422 means that a test of the patch failed, or that the server never accepts the patch; a test can fail only
        // if the object has changed
        if refused && self.read(reference).await?.is_none_or(|now| now.resource_version() != object.resource_version())
        {
            return Ok(Err(ClusterWrite::Outdated));
        }
        write_outcome(patched)
    }

    /// One collection of resources for each of `namespaces`, or one for all namespaces if that is empty.
    pub(super) fn collections<'a>(&self, namespaces: &'a [String]) -> Vec<(Option<&'a str>, Api<Object>)> {
        match namespaces {
            [] => vec![(None, Api::all(self.client.clone()))],
            some => some.iter().map(|name| (Some(name.as_str()), Api::namespaced(self.client.clone(), name))).collect(),
        }
    }

    /// Sends a request for a watch or a list.
    pub(super) async fn watching<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, KubeError> {
        self.health.record_watch_request();
        let response = self.send(request).await;
        if refused(&response).is_some() {
            self.health.record_watch_response();
        }
        response
    }

    /// Sends any other request.
    pub(super) async fn with_deadline<T>(
        &self,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, KubeError> {
        let response = self.send(request).await;
        self.health.record_other(refused(&response).is_some());
        response
    }

    async fn send<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, KubeError> {
        let response = match tokio::time::timeout(DEADLINE, request).await {
            Ok(response) => response.map_err(KubeError::from),
            Err(_) => Err(KubeError::TimedOut),
        };
        match (refused(&response), &response) {
            (Some(refused), _) => {
                if self.health.record_response(refused) {
                    tracing::info!("the API server answers again");
                }
            }
            (None, Err(error)) => {
                if self.health.record_no_response() {
                    tracing::warn!(%error, "the API server does not answer; nothing is logged of single resources");
                }
            }
            (None, Ok(_)) => {}
        }
        response
    }
}

/// Whether the response is a 401 or 403; `None` without a response.
fn refused<T>(response: &Result<T, KubeError>) -> Option<bool> {
    match response {
        Ok(_) => Some(false),
        Err(KubeError::Kube(error)) => code(error).map(|code| matches!(code, 401 | 403)),
        Err(_) => None,
    }
}

/// What is to be said of the API server, since kube's own text adds a dump of the response, and names layers of the
/// client before the cause.
fn response_text(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!(": {} (HTTP {})", status.message, status.code),
        kube::Error::Service(_) | kube::Error::HyperError(_) => {
            format!(" can't be reached: {}", apiserver::cause(error))
        }
        other => format!(": {}", apiserver::message(other)),
    }
}

/// The HTTP status of an error response.
pub(super) fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Turns the errors of a write to an object that is gone or has changed into [`ClusterWrite`].
fn write_outcome(written: Result<Object, KubeError>) -> Written {
    match written {
        Err(KubeError::Kube(error)) if code(&error) == Some(404) => Ok(Err(ClusterWrite::Gone)),
        Err(KubeError::Kube(error)) if code(&error) == Some(409) => Ok(Err(ClusterWrite::Outdated)),
        written => written.map(Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::sample_of_bodies;
    use serde_json::Value;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn an_api_server_that_refuses_connections_is_named_with_that_cause() {
        drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
        let client = Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
        let error = KubeError::from(client.apiserver_version().await.unwrap_err()).to_string();
        assert!(error.starts_with("the API server can't be reached: Connection refused"), "{error}");
    }

    /// Where a resource of the name acme has this uid, and our finalizer; and that resource, as it is stored.
    fn holding(uid: &str) -> (KubeApi, Arc<Mutex<Value>>) {
        let stored = Arc::new(Mutex::new(json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
            "metadata": {"name": "acme", "namespace": "customers", "uid": uid, "resourceVersion": "7",
                "generation": 1, "creationTimestamp": "2026-11-28T00:00:00Z", "finalizers": ["a.example/b", FINALIZER]},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
        })));
        let shared = Arc::clone(&stored);
        let client = sample_of_bodies(move |sent| {
            let mut stored = shared.lock().unwrap();
            // as the API server does: all of a patch, or nothing
            let patch = || serde_json::from_slice::<json_patch::Patch>(sent).unwrap();
            match sent.is_empty() || json_patch::patch(&mut stored, &patch()).is_ok() {
                true => (200, stored.to_string()),
                false => {
                    (422, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422}).to_string())
                }
            }
        });
        (KubeApi { client, health: Health::default() }, stored)
    }

    fn acme(uid: &str) -> ResourceRef {
        ResourceRef { uid: uid.into(), namespace: "customers".into(), name: "acme".into() }
    }

    #[tokio::test]
    async fn row_054_a_namesake_with_another_uid_counts_as_gone() {
        let (api, _) = holding("now");
        assert!(api.read(&acme("before")).await.unwrap().is_none());
        assert!(api.read(&acme("now")).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn row_054_the_finalizer_of_a_namesake_stays() {
        let ((before, _), (api, stored)) = (holding("before"), holding("now"));
        let read = before.read(&acme("before")).await.unwrap().unwrap();
        let namesake = stored.lock().unwrap().clone();
        assert!(matches!(api.remove_finalizer(&acme("before"), &read).await, Ok(Err(ClusterWrite::Outdated))));
        assert!(matches!(api.add_finalizer(&acme("before"), &read).await, Ok(Err(ClusterWrite::Outdated))));
        assert_eq!(*stored.lock().unwrap(), namesake);
        assert!(api.remove_finalizer(&acme("now"), &read).await.unwrap().is_ok());
        assert_eq!(stored.lock().unwrap()["metadata"]["finalizers"], json!(["a.example/b"]));
    }
}
