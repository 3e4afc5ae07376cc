//! The bodies of admin requests and of their responses.

use crate::simulator::http::ApiRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The status and the message of a refused admin request.
pub(super) type AdminError = (u16, String);

pub(super) fn body<T: DeserializeOwned>(request: &ApiRequest) -> Result<T, AdminError> {
    serde_json::from_slice(&request.body).map_err(|error| (400, error.to_string()))
}

pub(super) fn written<T: Serialize + ?Sized>(value: &T) -> Result<Value, AdminError> {
    serde_json::to_value(value).map_err(|error| (500, error.to_string()))
}

pub(super) fn no_endpoint(request: &ApiRequest) -> AdminError {
    (404, format!("no admin endpoint {} {}", request.method, request.uri.path()))
}
