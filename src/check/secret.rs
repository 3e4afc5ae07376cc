//! Reads the credentials in a Secret. Does not use kube's `Api`, which logs the whole body if it can't
//! decode it.

use crate::{plugin::Cluster, scalekit::RawCredentials};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Resource, api::GetParams, client::Body, core::Request};
use secrecy::SecretSlice;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    data: BTreeMap<String, ByteString>,
}

/// The credentials in the Secret; `Ok(None)` if there is none, `Err`: why it can't be read.
pub(super) async fn read(cluster: &Cluster, name: &str) -> Result<RawCredentials, &'static str> {
    let read = async {
        let url = Secret::url_path(&(), Some(&cluster.namespace));
        let request = Request::new(url).get(name, &GetParams::default()).ok()?;
        let response = cluster.client.send(request.map(Body::from)).await.ok()?;
        Some((response.status().as_u16(), response.into_body().collect_bytes().await.ok()?))
    };
    match tokio::time::timeout(cluster.timeout, read).await.ok().flatten() {
        Some((200, body)) => {
            let mut found: Found = serde_json::from_slice(&body).map_err(|_| "it can't be read")?;
            let keys = crate::reconcile::CredentialsKey::ALL;
            let mut value = |key: &str| found.data.remove(key).map(|bytes| SecretSlice::from(bytes.0));
            Ok(Some(keys.map(|key| value(key.as_str()))))
        }
        Some((404, _)) => Ok(None),
        Some((403, _)) => Err("you may not read it"),
        _ => Err("the API server did not answer as it should"),
    }
}
