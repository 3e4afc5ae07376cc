//! Reads a Secret, and decodes only the keys that are needed. Does not use kube's `Api`, which logs
//! the whole body if it can't decode it.

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

/// The keys of [`crate::reconcile::CredentialsKey`]; others are not decoded.
#[derive(Deserialize, Default)]
struct Data {
    #[serde(rename = "SCALEKIT_ENVIRONMENT_URL")]
    url: Option<ByteString>,
    #[serde(rename = "SCALEKIT_CLIENT_ID")]
    id: Option<ByteString>,
    #[serde(rename = "SCALEKIT_CLIENT_SECRET")]
    secret: Option<ByteString>,
}

/// The credentials in a Secret; `None` if there is no such Secret.
pub(super) async fn read(kube: &KubeApi, namespace: &str, name: &str) -> Result<RawCredentials, ReadError> {
    let read = async {
        let request = Request::new(Secret::url_path(&(), Some(namespace))).get(name, &GetParams::default()).ok()?;
        let response = kube.client.send(request.map(Body::from)).await.ok()?;
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
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    #[test]
    fn of_a_secret_the_three_keys_are_taken() {
        let body = br#"{"kind":"Secret","data":{"SCALEKIT_CLIENT_ID":"aWQ=","other":"%%% no base64"},"type":"Opaque"}"#;
        let [url, id, secret] = values(body).unwrap();
        assert_eq!(id.unwrap().expose_secret(), b"id");
        assert!(url.is_none() && secret.is_none());
        assert!(values(br#"{"kind":"Secret"}"#).is_some_and(|values| values.iter().all(Option::is_none)));
    }

    /// What is read where the API server answers like this.
    async fn answered(status: u16, body: &str) -> Result<RawCredentials, ReadError> {
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = kube::Config::new(url.parse().unwrap());
        config.default_retry = false;
        let found = read(
            &KubeApi { client: kube::Client::try_from(config).unwrap(), health: crate::telemetry::Health::default() },
            "customers",
            "scalekit",
        )
        .await;
        server.await.unwrap();
        found
    }

    #[tokio::test]
    async fn row_115_each_reason_why_a_secret_can_not_be_read_has_its_own_error() {
        let forbidden = r#"{"kind":"Status","status":"Failure","code":403}"#;
        assert_eq!(answered(403, forbidden).await.err(), Some(ReadError::Forbidden));
        assert!(matches!(answered(404, "{}").await, Ok(None)));
        for (status, body) in [(500, "{}"), (401, "{}"), (429, ""), (200, "<html>"), (200, "{"), (302, "")] {
            assert_eq!(answered(status, body).await.err(), Some(ReadError::Unavailable), "{status} {body}");
        }
        assert!(matches!(answered(200, r#"{"data":{}}"#).await, Ok(Some(_))));
    }

    #[test]
    fn what_is_no_secret_has_no_values() {
        for body in ["", "<html>canary", r#"{"data":7}"#, r#"{"data":{"SCALEKIT_CLIENT_ID":"%canary"}}"#] {
            assert!(values(body.as_bytes()).is_none(), "{body}");
        }
    }
}
