//! What each call looks like on the wire (`scalekit-api.md` §2). Writes are
//! complete, in minutes, in snake_case, with plain integers.

use crate::{
    policy::Policy,
    reconcile::{Call, Feature},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// A request below the environment's base URL.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) path: String,
    /// Its shape, for logs: no ids.
    pub(super) template: &'static str,
    /// A PATCH with this body, or else a GET.
    pub(super) body: Option<Value>,
}

/// Everything that RFC 3986 does not call unreserved.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Request {
    pub(super) fn of(call: &Call) -> Self {
        let get = |path, template| Self { path, template, body: None };
        let patch = |path, template, body| Self { path, template, body: Some(body) };
        match call {
            Call::ReadOrganization(id) => get(format!("/api/v1/organizations/{id}"), "/organizations/{id}"),
            Call::LookUp(external_id) => get(
                format!("/api/v1/organizations:external/{}", encoded(external_id.as_str())),
                "/organizations:external/{external_id}",
            ),
            Call::ReadPolicy(id) => {
                get(format!("/api/v1/organizations/{id}/session-policy"), "/organizations/{id}/session-policy")
            }
            Call::ReadApplicationPolicy(id) => get(
                format!("/api/v1/organizations/{id}/application-session-policy"),
                "/organizations/{id}/application-session-policy",
            ),
            Call::WriteFeatures { organization, features } => patch(
                format!("/api/v1/organizations/{organization}/settings"),
                "/organizations/{id}/settings",
                flags(features),
            ),
            Call::WritePolicy { organization, policy } => patch(
                format!("/api/v1/organizations/{organization}/session-policy"),
                "/organizations/{id}/session-policy",
                session_policy(policy),
            ),
        }
    }

    /// A page of the list, optionally only of this external id.
    pub(super) fn list(page_token: Option<&str>, external_id: Option<&str>) -> Self {
        let mut path = "/api/v1/organizations?page_size=100".to_owned();
        for (name, value) in [("page_token", page_token), ("external_id", external_id)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        Self { path, template: "/organizations", body: None }
    }

    pub(super) const fn writes(&self) -> bool {
        self.body.is_some()
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

fn flags(features: &[Feature]) -> Value {
    let features: Vec<Value> = features.iter().map(|f| json!({"name": f.name, "enabled": f.enabled})).collect();
    json!({ "features": features })
}

fn session_policy(policy: &Policy) -> Value {
    let Policy::Custom(session) = policy else { return json!({"policy_source": "APPLICATION"}) };
    let mut body = json!({
        "policy_source": "CUSTOM",
        "absolute_session_timeout": session.absolute().get(),
        "absolute_session_timeout_unit": "MINUTES",
        "idle_session_timeout_enabled": session.idle().is_some(),
    });
    if let (Some(idle), Some(body)) = (session.idle(), body.as_object_mut()) {
        body.insert("idle_session_timeout".into(), idle.get().into());
        body.insert("idle_session_timeout_unit".into(), "MINUTES".into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ExternalId, Minutes, OrganizationId, Session};

    fn write(policy: Policy) -> Value {
        let organization = OrganizationId::parse("org_1").unwrap();
        Request::of(&Call::WritePolicy { organization, policy }).body.unwrap()
    }

    #[test]
    fn a_policy_is_written_complete_and_in_minutes() {
        let m = |n| Minutes::new(n).unwrap();
        assert_eq!(
            write(Policy::Custom(Session::new(m(480), Some(m(60))).unwrap())),
            json!({"policy_source": "CUSTOM",
                "absolute_session_timeout": 480, "absolute_session_timeout_unit": "MINUTES",
                "idle_session_timeout_enabled": true,
                "idle_session_timeout": 60, "idle_session_timeout_unit": "MINUTES"})
        );
        assert_eq!(
            write(Policy::Custom(Session::new(m(480), None).unwrap())),
            json!({"policy_source": "CUSTOM",
                "absolute_session_timeout": 480, "absolute_session_timeout_unit": "MINUTES",
                "idle_session_timeout_enabled": false})
        );
        assert_eq!(write(Policy::Application), json!({"policy_source": "APPLICATION"}));
    }

    #[test]
    fn an_external_id_can_not_leave_its_segment() {
        let call = Call::LookUp(ExternalId::parse("a/b?c#d%e:f ü..").unwrap());
        let path = Request::of(&call).path;
        assert_eq!(path, "/api/v1/organizations:external/a%2Fb%3Fc%23d%25e%3Af%20%C3%BC..");
        let page = Request::list(Some(">:WyJ&"), Some("a&b=c")).path;
        assert_eq!(page, "/api/v1/organizations?page_size=100&page_token=%3E%3AWyJ%26&external_id=a%26b%3Dc");
    }
}
