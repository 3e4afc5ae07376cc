//! The errors of `/api/v1`: `google.rpc.Status` as JSON (`scalekit-api.md` §4.1).

use super::http::ApiResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A field of a request that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    pub(crate) field: &'static str,
    pub(crate) description: String,
    pub(crate) constraint: &'static str,
}

impl Violation {
    pub(crate) fn new(field: &'static str, constraint: &'static str, description: impl Into<String>) -> Self {
        Self { field, description: description.into(), constraint }
    }
}

/// The error response of a request that was not carried out. The messages are invented, so no client may
/// depend on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: u8,
    error_code: Option<&'static str>,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
}

impl ApiError {
    /// The 401 of the documentation's example (`scalekit-api.md` §1.5).
    pub(crate) const UNAUTHENTICATED: Self = Self::new(401, 16, Some("UNAUTHENTICATED"), "Token empty");
    pub(crate) const ORGANIZATION_NOT_FOUND: Self = Self::new(404, 5, Some("NOT_FOUND"), "organization not found");
    /// grpc-gateway's own 404, for a path without a handler (`scalekit-api.md` §6).
    pub(crate) const UNKNOWN_ROUTE: Self = Self::new(404, 5, None, "Not Found");
    /// grpc-gateway's own 501, for another method on a known path.
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self::new(501, 12, None, "Method Not Allowed");
    pub(crate) const UNIMPLEMENTED: Self = Self::new(501, 12, Some("UNIMPLEMENTED"), "method not implemented");
    pub(crate) const TOO_LARGE: Self = Self::new(413, 8, Some("RESOURCE_EXHAUSTED"), "request body too large");

    const fn new(status: u16, code: u8, error_code: Option<&'static str>, message: &'static str) -> Self {
        Self { status, code, error_code, message: Cow::Borrowed(message), violations: Vec::new() }
    }

    /// The body is not a message of this route.
    pub(crate) fn malformed(why: impl Into<Cow<'static, str>>) -> Self {
        Self { message: why.into(), ..Self::new(400, 3, Some("INVALID_ARGUMENT"), "") }
    }

    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::malformed("validation error") }
    }

    /// The session-policy feature is off: 403 or 400, as configured.
    pub(crate) fn feature_disabled(status: u16) -> Self {
        let message = "session policy feature is not enabled";
        match status {
            400 => Self::new(400, 9, Some("FAILED_PRECONDITION"), message),
            _ => Self::new(403, 7, Some("PERMISSION_DENIED"), message),
        }
    }

    pub(crate) fn response(&self, sequence: u64) -> ApiResponse {
        let detail = self.error_code.map(|error_code| {
            let mut info = error_info(error_code);
            if self.status != 401 {
                info.insert("request_info".to_owned(), json!({"request_id": format!("req-{sequence}")}));
            }
            if !self.violations.is_empty() {
                info.insert("validation_error_info".to_owned(), json!({"field_violations": self.violations}));
            }
            info
        });
        status_response(self.status, self.code.into(), &self.message, detail)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(why: serde_json::Error) -> Self {
        Self::malformed(why.to_string())
    }
}

/// The `ErrorInfo` of an error, to which details may be added.
pub(crate) fn error_info(error_code: &str) -> Map<String, Value> {
    let kind = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo";
    Map::from_iter([("@type".to_owned(), json!(kind)), ("error_code".to_owned(), json!(error_code))])
}

pub(crate) fn status_response(
    status: u16,
    code: u16,
    message: &str,
    detail: impl IntoIterator<Item = Map<String, Value>>,
) -> ApiResponse {
    let details: Value = detail.into_iter().collect();
    ApiResponse::json(status, &json!({"code": code, "message": message, "details": details}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(api_error: &ApiError) -> Value {
        serde_json::from_slice(&api_error.response(7).body).unwrap()
    }

    #[test]
    fn an_unauthenticated_call_gets_the_documented_body() {
        let expected = json!({"code": 16, "message": "Token empty", "details": [
            {"@type": "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo", "error_code": "UNAUTHENTICATED"}]});
        assert_eq!(body(&ApiError::UNAUTHENTICATED), expected);
    }

    #[test]
    fn a_missing_route_and_a_missing_organization_have_different_errors() {
        assert_eq!(body(&ApiError::UNKNOWN_ROUTE), json!({"code": 5, "message": "Not Found", "details": []}));
        assert_eq!(body(&ApiError::ORGANIZATION_NOT_FOUND)["details"][0]["error_code"], "NOT_FOUND");
    }

    #[test]
    fn violations_name_field_and_constraint() {
        let api_error = ApiError::invalid(vec![Violation::new("idle_session_timeout", "int32.gt", "too small")]);
        let info = &body(&api_error)["details"][0];
        assert_eq!(info["validation_error_info"]["field_violations"][0]["field"], "idle_session_timeout");
        assert_eq!(info["request_info"]["request_id"], "req-7");
    }
}
