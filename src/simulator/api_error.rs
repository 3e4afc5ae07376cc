//! The errors of `/api/v1`: `google.rpc.Status` as JSON (`scalekit-api.md` §4.1).

use super::http::ApiResponse;
use serde_json::{Value, json};

/// One field that broke a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The error response to a request that was not carried out. The messages are made
/// up; no client may depend on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: u8,
    error_code: Option<&'static str>,
    message: String,
    violations: Vec<Violation>,
}

impl ApiError {
    fn new(status: u16, code: u8, error_code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, error_code: Some(error_code), message: message.into(), violations: Vec::new() }
    }

    /// The 401 of the documentation's example (`scalekit-api.md` §1.5).
    pub(crate) fn unauthenticated() -> Self {
        Self::new(401, 16, "UNAUTHENTICATED", "Token empty")
    }

    /// The body does not parse as the message that the route takes.
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self::new(400, 3, "INVALID_ARGUMENT", why)
    }

    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::malformed("validation error") }
    }

    pub(crate) fn organization_not_found() -> Self {
        Self::new(404, 5, "NOT_FOUND", "organization not found")
    }

    /// grpc-gateway's own 404, for a path without a handler (`scalekit-api.md` §6).
    pub(crate) fn unknown_route() -> Self {
        Self { error_code: None, ..Self::new(404, 5, "", "Not Found") }
    }

    /// grpc-gateway's own 501, for another method on a known path.
    pub(crate) fn method_not_allowed() -> Self {
        Self { error_code: None, ..Self::new(501, 12, "", "Method Not Allowed") }
    }

    pub(crate) fn unimplemented() -> Self {
        Self::new(501, 12, "UNIMPLEMENTED", "method not implemented")
    }

    /// The session-policy feature is off: 403 or 400, as configured.
    pub(crate) fn feature_disabled(status: u16) -> Self {
        let message = "session policy feature is not enabled";
        match status {
            400 => Self::new(400, 9, "FAILED_PRECONDITION", message),
            _ => Self::new(403, 7, "PERMISSION_DENIED", message),
        }
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, 8, "RESOURCE_EXHAUSTED", "request body too large")
    }

    pub(crate) fn response(&self, sequence: u64) -> ApiResponse {
        let details: Vec<Value> = self.error_code.iter().map(|code| self.error_info(code, sequence)).collect();
        ApiResponse::json(self.status, &json!({"code": self.code, "message": self.message, "details": details}))
    }

    fn error_info(&self, error_code: &str, sequence: u64) -> Value {
        let mut info = json!({
            "@type": "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo",
            "error_code": error_code,
        });
        let Some(fields) = info.as_object_mut() else { return info };
        if self.status != 401 {
            fields.insert("request_info".to_owned(), json!({"request_id": format!("req-{sequence}")}));
        }
        if !self.violations.is_empty() {
            let violations: Vec<Value> = self
                .violations
                .iter()
                .map(|v| json!({"field": v.field, "description": v.description, "constraint": v.constraint}))
                .collect();
            fields.insert("validation_error_info".to_owned(), json!({"field_violations": violations}));
        }
        info
    }
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
        assert_eq!(body(&ApiError::unauthenticated()), expected);
    }

    #[test]
    fn a_missing_route_and_a_missing_organization_can_be_told_apart() {
        assert_eq!(body(&ApiError::unknown_route()), json!({"code": 5, "message": "Not Found", "details": []}));
        assert_eq!(body(&ApiError::organization_not_found())["details"][0]["error_code"], "NOT_FOUND");
    }

    #[test]
    fn violations_name_field_and_constraint() {
        let api_error = ApiError::invalid(vec![Violation::new("idle_session_timeout", "int32.gt", "too small")]);
        let info = &body(&api_error)["details"][0];
        assert_eq!(info["validation_error_info"]["field_violations"][0]["field"], "idle_session_timeout");
        assert_eq!(info["request_info"]["request_id"], "req-7");
    }
}
