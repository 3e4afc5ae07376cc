//! Reads the Secret of a resource, and of it only what is needed. Kube's own
//! `Api` is not used: of a body that it can't decode it logs every byte.

use super::kube_api::{DEADLINE, KubeApi};
use crate::{reconcile::ReadError, scalekit::RawCredentials};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Resource, api::GetParams, client::Body, core::Request};
use secrecy::SecretSlice;
use serde::Deserialize;

#[derive(Deserialize)]
struct Found {
    data: Option<Data>,
}

/// The keys of [`crate::reconcile::CredentialsKey`]; others are not even decoded.
#[derive(Deserialize, Default)]
struct Data {
    #[serde(rename = "SCALEKIT_ENVIRONMENT_URL")]
    url: Option<ByteString>,
    #[serde(rename = "SCALEKIT_CLIENT_ID")]
    id: Option<ByteString>,
    #[serde(rename = "SCALEKIT_CLIENT_SECRET")]
    secret: Option<ByteString>,
}

/// The credentials in a Secret; `None` when it is not there.
pub(super) async fn read(kube: &KubeApi, namespace: &str, name: &str) -> Result<RawCredentials, ReadError> {
    let read = async {
        let request = Request::new(Secret::url_path(&(), Some(namespace))).get(name, &GetParams::default()).ok()?;
        let response = kube.client().send(request.map(Body::from)).await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.into_body().collect_bytes().await.ok()?))
    };
    match tokio::time::timeout(DEADLINE, read).await.ok().flatten() {
        Some((200, body)) => values(&body).map(Some).ok_or(ReadError::Unavailable),
        Some((404, _)) => Ok(None),
        Some((403, _)) => Err(ReadError::Forbidden),
        _ => Err(ReadError::Unavailable),
    }
}

fn values(body: &[u8]) -> Option<[Option<SecretSlice<u8>>; 3]> {
    let found: Found = serde_json::from_slice(body).ok()?;
    let Data { url, id, secret } = found.data.unwrap_or_default();
    Some([url, id, secret].map(|value| value.map(|bytes| SecretSlice::from(bytes.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn of_a_secret_the_three_keys_are_taken() {
        let body = br#"{"kind":"Secret","data":{"SCALEKIT_CLIENT_ID":"aWQ=","other":"%%% no base64"},"type":"Opaque"}"#;
        let [url, id, secret] = values(body).unwrap();
        assert_eq!(id.unwrap().expose_secret(), b"id");
        assert!(url.is_none() && secret.is_none());
        assert!(values(br#"{"kind":"Secret"}"#).is_some_and(|values| values.iter().all(Option::is_none)));
    }

    #[test]
    fn what_is_no_secret_has_no_values() {
        for body in ["", "<html>canary", r#"{"data":7}"#, r#"{"data":{"SCALEKIT_CLIENT_ID":"%canary"}}"#] {
            assert!(values(body.as_bytes()).is_none(), "{body}");
        }
    }
}
