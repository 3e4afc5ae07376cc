//! The admin endpoints that change organizations, as a dashboard user or another client would.

use super::json::{AdminError, body, no_endpoint};
use crate::simulator::features::Feature;
use crate::simulator::http::ApiRequest;
use crate::simulator::organizations::{Clash, Draft, Organization, Organizations};
use crate::simulator::policy::Policy;
use crate::simulator::server::Server;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::time::Instant;

/// A change of an organization. Fields that are left out stay; a policy is replaced as a whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Edit {
    /// `null` removes the external id.
    #[serde(deserialize_with = "present")]
    external_id: Option<Option<String>>,
    display_name: Option<String>,
    features: Option<Vec<Feature>>,
    policy: Option<Policy>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `rest` is the path after `organizations`.
pub(super) fn dispatch(server: &Server, request: &ApiRequest, rest: &str) -> Result<Value, AdminError> {
    let now = Instant::now();
    let mut environment = server.environment();
    let all = &mut environment.organizations;
    let mut parts = rest.strip_prefix('/').unwrap_or_default().split('/');
    let id = parts.next().unwrap_or_default();
    let verb = parts.next();
    let organization = match (request.method.as_str(), id, verb) {
        ("GET", "", None) => {
            let (newest_first, _) = all.page(u64::MAX, usize::MAX);
            return Ok(newest_first.into_iter().map(|organization| organization.as_stored(now)).collect());
        }
        ("POST", "", None) => all.create(body::<Draft>(request)?).map_err(clash)?,
        ("GET", id, None) => all.get(id).ok_or_else(unknown)?,
        ("PUT", id, None) => replace(all, id, body(request)?)?,
        ("PATCH", id, None) => edit(all, id, body(request)?)?,
        ("DELETE", id, None) => {
            all.remove(id).ok_or_else(unknown)?;
            return Ok(json!({}));
        }
        ("POST", id, Some("recreate")) => all.recreate(id).ok_or_else(unknown)?,
        _ => return Err(no_endpoint(request)),
    };
    Ok(organization.as_stored(now))
}

/// Creates the organization `id` from the draft, and replaces the old one if there is one. If the draft is
/// refused, the old one stays.
fn replace<'a>(all: &'a mut Organizations, id: &str, draft: Draft) -> Result<&'a mut Organization, AdminError> {
    let holder = draft.external_id.as_deref().and_then(|external| all.get_external(external));
    if holder.is_some_and(|holder| holder.id != id) {
        return Err(clash(Clash::ExternalId));
    }
    all.remove(id);
    all.create(Draft { id: id.to_owned(), ..draft }).map_err(clash)
}

fn edit<'a>(all: &'a mut Organizations, id: &str, edit: Edit) -> Result<&'a mut Organization, AdminError> {
    if let Some(external_id) = edit.external_id {
        all.remap(id, external_id);
    }
    let organization = all.get(id).ok_or_else(unknown)?;
    if let Some(display_name) = edit.display_name {
        organization.display_name = display_name;
    }
    if let Some(features) = edit.features {
        organization.features.overwrite(features);
    }
    if let Some(policy) = edit.policy {
        organization.policy.overwrite(policy);
    }
    Ok(organization)
}

fn unknown() -> AdminError {
    (404, "no such organization".to_owned())
}

fn clash(clash: Clash) -> AdminError {
    let status = if clash == Clash::BadId { 400 } else { 409 };
    (status, clash.to_string())
}
