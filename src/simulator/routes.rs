//! Routes a path to an endpoint.
//!
//! Not with axum's router, which can't match the literal colon, and since a setting decides whether `%2F`
//! is part of a segment.

use percent_encoding::percent_decode_str;

/// An endpoint, with the decoded id of its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Token,
    /// Of the environment.
    Features,
    Organizations,
    Organization(String),
    ExternalOrganization(String),
    Settings(String),
    SessionPolicy(String),
    ApplicationSessionPolicy(String),
}

impl Route {
    /// The endpoint of `path`; `None` is grpc-gateway's 404.
    pub(crate) fn of(path: &str, encoded_slash_routes: bool) -> Option<Self> {
        let segment = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().ok()?.into_owned();
            (encoded_slash_routes || !decoded.contains('/')).then_some(decoded)
        };
        if path == "/oauth/token" {
            return Some(Self::Token);
        }
        let mut parts = path.strip_prefix("/api/v1/")?.split('/');
        let route = match (parts.next()?, parts.next(), parts.next()) {
            ("features", None, None) => Self::Features,
            ("organizations", None, None) => Self::Organizations,
            // an empty external id is routed, and refused by the endpoint (`scalekit-api.md` §2.5)
            ("organizations:external", Some(external), None) => Self::ExternalOrganization(segment(external)?),
            (_, Some(""), _) => return None,
            ("organizations", Some(id), None) => Self::Organization(segment(id)?),
            ("organizations", Some(id), Some("settings")) => Self::Settings(segment(id)?),
            ("organizations", Some(id), Some("session-policy")) => Self::SessionPolicy(segment(id)?),
            ("organizations", Some(id), Some("application-session-policy")) => {
                Self::ApplicationSessionPolicy(segment(id)?)
            }
            _ => return None,
        };
        parts.next().is_none().then_some(route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_one_path() {
        let id = || "org_1".to_owned();
        for (path, route) in [
            ("/oauth/token", Some(Route::Token)),
            ("/api/v1/features", Some(Route::Features)),
            ("/api/v1/organizations", Some(Route::Organizations)),
            ("/api/v1/organizations/org_1", Some(Route::Organization(id()))),
            ("/api/v1/organizations/org_1/settings", Some(Route::Settings(id()))),
            ("/api/v1/organizations/org_1/session-policy", Some(Route::SessionPolicy(id()))),
            ("/api/v1/organizations/org_1/application-session-policy", Some(Route::ApplicationSessionPolicy(id()))),
            ("/api/v1/organizations/", None),
            ("/api/v1/organizations//session-policy", None),
            ("/api/v1/organizations/org_1/session-policy/", None),
            ("/api/v1/organizations/../org_1/session-policy", None),
            ("/api/v2/organizations", None),
            ("//api/v1/organizations", None),
        ] {
            assert_eq!(Route::of(path, true), route, "{path}");
        }
    }

    #[test]
    fn an_external_id_is_one_encoded_segment() {
        let external = |text: &str| Some(Route::ExternalOrganization(text.to_owned()));
        let of = |segment: &str, slash| Route::of(&format!("/api/v1/organizations:external/{segment}"), slash);
        assert_eq!(of("a%20b%3F%2b%25", true), external("a b?+%"));
        assert_eq!(of("", true), external(""));
        assert_eq!(of("a%2Fb", true), external("a/b"));
        assert_eq!(of("a%2Fb", false), None);
        assert_eq!(of("a/b", true), None);
    }
}
