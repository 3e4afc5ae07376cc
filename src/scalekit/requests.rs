//! Builds the HTTP request of each remote request (`scalekit-api.md` §2).

use super::{circuit_breaker::Subject, wire};
use crate::{policy::ExternalId, reconcile::RemoteRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest page there is (`scalekit-api.md` §7).
const PAGE_SIZE: u32 = 100;

/// One API request, without host and token.
pub(super) struct HttpRequest {
    pub(super) method: Method,
    /// The path below `/api/v1` with its query, encoded.
    pub(super) target: String,
    /// The path without ids, for metrics and spans.
    pub(super) template: &'static str,
    pub(super) body: Option<String>,
    /// What it is about: an organization by one of its ids, or the environment.
    pub(super) about: Subject,
}

/// What `request` is about.
pub(super) fn about(request: &RemoteRequest) -> Subject {
    subject(match request {
        RemoteRequest::LookUp(id) => id.as_str(),
        RemoteRequest::ReadOrganization(id)
        | RemoteRequest::WriteFeatures { organization: id, .. }
        | RemoteRequest::ReadApplicationPolicy(id)
        | RemoteRequest::ReadPolicy(id)
        | RemoteRequest::WritePolicy { organization: id, .. } => id.as_str(),
    })
}

impl HttpRequest {
    pub(super) fn of(request: &RemoteRequest) -> Self {
        let (template, id, body) = match request {
            RemoteRequest::LookUp(id) => ("/organizations:external/{external_id}", id.as_str(), None),
            RemoteRequest::ReadOrganization(id) => ("/organizations/{id}", id.as_str(), None),
            RemoteRequest::WriteFeatures { organization: id, features } => {
                ("/organizations/{id}/settings", id.as_str(), Some(wire::write_features(features)))
            }
            RemoteRequest::ReadApplicationPolicy(id) => {
                ("/organizations/{id}/application-session-policy", id.as_str(), None)
            }
            RemoteRequest::ReadPolicy(id) => ("/organizations/{id}/session-policy", id.as_str(), None),
            RemoteRequest::WritePolicy { organization: id, policy } => {
                ("/organizations/{id}/session-policy", id.as_str(), Some(wire::write_policy(policy)))
            }
        };
        let target = template.replace("{id}", &encoded(id)).replace("{external_id}", &encoded(id));
        let method = if body.is_some() { Method::PATCH } else { Method::GET };
        Self { method, target, template, body, about: about(request) }
    }

    /// The request for a page of the list, filtered by external id if one is given.
    pub(super) fn list(filter: Option<&ExternalId>, page_token: Option<&str>) -> Self {
        let mut target = format!("/organizations?page_size={PAGE_SIZE}");
        if let Some(id) = filter {
            target += &format!("&external_id={}", encoded(id.as_str()));
        }
        if let Some(token) = page_token {
            target += &format!("&page_token={}", encoded(token));
        }
        Self { method: Method::GET, target, template: "/organizations", body: None, about: subject("") }
    }

    /// The features of the environment, which nothing but `osp check` asks for (`scalekit-api.md` §2.11).
    pub(super) fn features() -> Self {
        let target = "/features".into();
        Self { method: Method::GET, target, template: "/features", body: None, about: subject("") }
    }

    /// The path below `/api/v1` for logs: without the query, which may have a page's token, and without an external id,
    /// which may be the address of a person.
    pub(super) fn path(&self) -> &str {
        match self.template.contains("{external_id}") {
            true => self.template,
            false => self.target.split('?').next().unwrap_or_default(),
        }
    }

    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// Identifies for the circuit breaker what a request is about.
pub(super) fn subject(name: &str) -> Subject {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{OrganizationId, Policy};

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
            assert_eq!((request.method.as_str(), request.target.as_str()), (method, path));
            assert_eq!((request.writes(), request.body.is_some()), (request.writes(), request.writes()));
        }
    }

    #[test]
    fn row_088_no_external_id_leaves_its_place_in_the_path() {
        for (text, path) in [
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("%2e%2e", "%252e%252e"),
            ("../..", "..%2F.."),
            ("a:b c+d&e=f", "a%3Ab%20c%2Bd%26e%3Df"),
            ("ü…", "%C3%BC%E2%80%A6"),
            ("-._~", "-._~"),
        ] {
            let request = HttpRequest::of(&RemoteRequest::LookUp(external(text)));
            assert_eq!(request.target, format!("/organizations:external/{path}"));
            assert!(HttpRequest::list(Some(&external(text)), None).target.ends_with(&format!("&external_id={path}")));
        }
    }

    #[test]
    fn a_page_token_is_encoded() {
        assert_eq!(HttpRequest::list(None, None).target, "/organizations?page_size=100");
        assert_eq!(HttpRequest::list(None, Some(">:W=")).target, "/organizations?page_size=100&page_token=%3E%3AW%3D");
    }
}
