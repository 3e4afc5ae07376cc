//! What each request is in HTTP (`scalekit-api.md` §2).

use super::wire;
use crate::{
    policy::{ExternalId, OrganizationId},
    reconcile::RemoteRequest,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest page there is (`scalekit-api.md` §7).
const PAGE_SIZE: u32 = 100;

/// One API request without its host and its token.
pub(super) struct HttpRequest {
    pub(super) method: Method,
    /// From the API's root, with its query, encoded.
    pub(super) path: String,
    /// The path without ids, for logs.
    pub(super) template: &'static str,
    pub(super) body: Option<String>,
}

impl HttpRequest {
    pub(super) fn of(request: &RemoteRequest) -> Self {
        match request {
            RemoteRequest::ReadOrganization(id) => Self::get("/organizations/{id}", organization(id, "")),
            RemoteRequest::LookUp(id) => Self::get(
                "/organizations:external/{external_id}",
                format!("/organizations:external/{}", encoded(id.as_str())),
            ),
            RemoteRequest::WriteFeatures { organization: id, features } => Self::patch(
                "/organizations/{id}/settings",
                organization(id, "/settings"),
                wire::write_features(features),
            ),
            RemoteRequest::ReadApplicationPolicy(id) => Self::get(
                "/organizations/{id}/application-session-policy",
                organization(id, "/application-session-policy"),
            ),
            RemoteRequest::ReadPolicy(id) => {
                Self::get("/organizations/{id}/session-policy", organization(id, "/session-policy"))
            }
            RemoteRequest::WritePolicy { organization: id, policy } => Self::patch(
                "/organizations/{id}/session-policy",
                organization(id, "/session-policy"),
                wire::write_policy(policy),
            ),
        }
    }

    /// A page of the list, filtered by external id if one is given.
    pub(super) fn list(filter: Option<&ExternalId>, page_token: Option<&str>) -> Self {
        let mut path = format!("/organizations?page_size={PAGE_SIZE}");
        if let Some(id) = filter {
            path += &format!("&external_id={}", encoded(id.as_str()));
        }
        if let Some(token) = page_token {
            path += &format!("&page_token={}", encoded(token));
        }
        Self::get("/organizations", path)
    }

    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }

    fn get(template: &'static str, path: String) -> Self {
        Self { method: Method::GET, path, template, body: None }
    }

    fn patch(template: &'static str, path: String, body: String) -> Self {
        Self { method: Method::PATCH, path, template, body: Some(body) }
    }
}

fn organization(id: &OrganizationId, rest: &str) -> String {
    format!("/organizations/{}{rest}", encoded(id.as_str()))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn id() -> OrganizationId {
        OrganizationId::parse("org_1").unwrap()
    }

    fn external(text: &str) -> ExternalId {
        ExternalId::parse(text).unwrap()
    }

    #[test]
    fn each_call_has_its_route() {
        for (request, method, path) in [
            (RemoteRequest::ReadOrganization(id()), "GET", "/organizations/org_1"),
            (RemoteRequest::LookUp(external("t-7")), "GET", "/organizations:external/t-7"),
            (
                RemoteRequest::WriteFeatures { organization: id(), features: vec![] },
                "PATCH",
                "/organizations/org_1/settings",
            ),
            (RemoteRequest::ReadApplicationPolicy(id()), "GET", "/organizations/org_1/application-session-policy"),
            (RemoteRequest::ReadPolicy(id()), "GET", "/organizations/org_1/session-policy"),
            (
                RemoteRequest::WritePolicy { organization: id(), policy: Policy::Application },
                "PATCH",
                "/organizations/org_1/session-policy",
            ),
        ] {
            let request = HttpRequest::of(&request);
            assert_eq!((request.method.as_str(), request.path.as_str()), (method, path));
            assert_eq!((request.writes(), request.body.is_some()), (request.writes(), request.writes()));
        }
    }

    #[test]
    fn no_external_id_leaves_its_place_in_the_path() {
        for (text, path) in [
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("%2e%2e", "%252e%252e"),
            ("../..", "..%2F.."),
            ("a:b c+d&e=f", "a%3Ab%20c%2Bd%26e%3Df"),
            ("ü…", "%C3%BC%E2%80%A6"),
            ("-._~", "-._~"),
        ] {
            let request = HttpRequest::of(&RemoteRequest::LookUp(external(text)));
            assert_eq!(request.path, format!("/organizations:external/{path}"));
            assert!(HttpRequest::list(Some(&external(text)), None).path.ends_with(&format!("&external_id={path}")));
        }
    }

    #[test]
    fn a_page_token_is_encoded() {
        assert_eq!(HttpRequest::list(None, None).path, "/organizations?page_size=100");
        assert_eq!(HttpRequest::list(None, Some(">:W=")).path, "/organizations?page_size=100&page_token=%3E%3AW%3D");
    }
}
