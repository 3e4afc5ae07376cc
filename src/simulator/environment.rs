//! A Scalekit environment: the state that requests read and change.
//!
//! It does no IO and never waits, so each request is atomic; `faults` adds delays and loses responses.

use super::api_error::{ApiError, Violation};
use super::features::{KNOWN, SESSION_POLICY, is_enabled, patched};
use super::http::{ApiRequest, ApiResponse};
use super::limiter::{Bucket, too_many_requests};
use super::listing;
use super::organizations::{Organization, Organizations};
use super::policy::Source;
use super::requests::{feature_list, policy_patch};
use super::responses;
use super::routes::Route;
use super::settings::{ApplicationAnswer, GateMode, Settings};
use super::tokens::{Client, Tokens};
use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Instant;

/// All that the server keeps in memory.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
    pub(crate) organizations: Organizations,
    /// Where it is reached, as its tokens say.
    base_url: String,
    bucket: Bucket,
}

impl Environment {
    pub(crate) fn new(settings: Settings, client: Client, organizations: Organizations, base_url: String) -> Self {
        Self { settings, client, tokens: Tokens::default(), organizations, base_url, bucket: Bucket::default() }
    }

    pub(crate) fn handle(&mut self, request: &ApiRequest, now: Instant) -> ApiResponse {
        self.respond(request, now).unwrap_or_else(|api_error| api_error.response(request.sequence))
    }

    fn respond(&mut self, request: &ApiRequest, now: Instant) -> Result<ApiResponse, ApiError> {
        let route = Route::of(request.uri.path(), self.settings.encoded_slash_routes);
        let route = route.filter(|route| self.exists(route)).ok_or(ApiError::UNKNOWN_ROUTE)?;
        if route == Route::Token {
            return Ok(self.tokens.grant(request, &self.client, &self.settings.token, &self.base_url, now));
        }
        request.bearer().and_then(|token| self.tokens.holder(token, now)).ok_or(ApiError::UNAUTHENTICATED)?;
        if let Err(wait) = self.bucket.take(&self.settings.rate_limit, now) {
            return Ok(too_many_requests(&self.settings.rate_limit, wait, Timestamp::now().into()));
        }
        let body = self.dispatch(request, route, now);
        let response = body.map_or_else(|error| error.response(request.sequence), |body| ApiResponse::json(200, &body));
        Ok(self.bucket.reported(&self.settings.rate_limit, response, Timestamp::now().into()))
    }

    fn exists(&self, route: &Route) -> bool {
        match route {
            Route::SessionPolicy(_) => self.settings.policy.routes,
            Route::ApplicationSessionPolicy(_) => {
                self.settings.policy.routes && self.settings.application.answer != ApplicationAnswer::NoRoute
            }
            _ => true,
        }
    }

    fn dispatch(&mut self, request: &ApiRequest, route: Route, now: Instant) -> Result<Value, ApiError> {
        let query = request.uri.query().unwrap_or_default();
        let get = request.method == Method::GET;
        let patch = request.method == Method::PATCH;
        match route {
            Route::Features if get => Ok(self.features()),
            Route::Organizations if get => listing::page(&mut self.organizations, query, &self.settings.emission, now),
            Route::Organization(id) if get => self.read_organization(&id, now),
            Route::ExternalOrganization(id) if get => self.read_external(&id, query, now),
            Route::Settings(id) if patch => self.patch_settings(&id, &request.body, now),
            Route::SessionPolicy(id) if get => self.read_policy(&id, now),
            Route::SessionPolicy(id) if patch => self.patch_policy(&id, &request.body, now),
            Route::ApplicationSessionPolicy(id) if get => self.read_application(&id),
            _ => Err(ApiError::METHOD_NOT_ALLOWED),
        }
    }

    /// The features of the environment (`scalekit-api.md` §2.11).
    fn features(&self) -> Value {
        let gated = self.settings.gate.mode == GateMode::Environment;
        let feature = |name: &str| json!({"name": name, "enabled": !(gated && name == SESSION_POLICY)});
        json!({"features": KNOWN.map(feature)})
    }

    fn read_organization(&mut self, id: &str, now: Instant) -> Result<Value, ApiError> {
        // the only route that does not check the prefix (`scalekit-api.md` §2.1)
        if id.len() > 32 {
            return Err(ApiError::invalid(vec![Violation::new("id", "string.max_len", "at most 32 characters")]));
        }
        let organization = self.organizations.get(id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        Ok(envelope(organization, &self.settings, now))
    }

    fn read_external(&mut self, external_id: &str, query: &str, now: Instant) -> Result<Value, ApiError> {
        // `?id=` takes precedence over the path, and fails (`scalekit-api.md` §2.5)
        let has_id = super::http::form(query).iter().any(|(name, _)| name == "id");
        if external_id.is_empty() || has_id {
            return Err(ApiError::malformed("ExternalId is required"));
        }
        let organization = self.organizations.get_external(external_id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        Ok(envelope(organization, &self.settings, now))
    }

    fn patch_settings(&mut self, id: &str, body: &[u8], now: Instant) -> Result<Value, ApiError> {
        check_id("id", id)?;
        let wanted = feature_list(body, self.settings.parsing)?;
        let organization = self.organizations.get(id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        if self.settings.gate.mode == GateMode::Environment && is_enabled(&wanted, SESSION_POLICY) {
            return Err(ApiError::feature_disabled(self.settings.gate.status));
        }
        let features =
            patched(organization.features.stored(), wanted, &self.settings.features).map_err(ApiError::invalid)?;
        let body = responses::organization(organization, &features, &self.settings.emission, false);
        organization.features.write(features, self.settings.lag, now);
        organization.updated = Timestamp::now();
        Ok(json!({"organization": body}))
    }

    fn read_policy(&mut self, id: &str, now: Instant) -> Result<Value, ApiError> {
        check_id("organization_id", id)?;
        let organization = self.organizations.get(id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        let policy = organization.policy.read(now, true);
        Ok(responses::session_policy(policy, self.settings.policy.after_revert, &self.settings.emission))
    }

    fn patch_policy(&mut self, id: &str, body: &[u8], now: Instant) -> Result<Value, ApiError> {
        check_id("organization_id", id)?;
        let patch = policy_patch(body, self.settings.parsing)?;
        let settings = &self.settings;
        let organization = self.organizations.get(id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        let policy = organization
            .policy
            .stored()
            .patched(&patch, &settings.policy, &settings.application)
            .map_err(ApiError::invalid)?;
        let gated = settings.gate.mode == GateMode::Flag && policy.source == Source::Custom;
        if gated && !is_enabled(organization.features.stored(), SESSION_POLICY) {
            return Err(ApiError::feature_disabled(settings.gate.status));
        }
        let body = responses::session_policy(&policy, settings.policy.after_revert, &settings.emission);
        organization.policy.write(policy, settings.lag, now);
        organization.updated = Timestamp::now();
        Ok(body)
    }

    fn read_application(&mut self, id: &str) -> Result<Value, ApiError> {
        check_id("organization_id", id)?;
        match self.settings.application.answer {
            ApplicationAnswer::Unimplemented => return Err(ApiError::UNIMPLEMENTED),
            ApplicationAnswer::Ok | ApplicationAnswer::NoRoute if self.settings.gate.mode != GateMode::Environment => {}
            _ => return Err(ApiError::feature_disabled(403)),
        }
        self.organizations.get(id).ok_or(ApiError::ORGANIZATION_NOT_FOUND)?;
        Ok(responses::application_policy(&self.settings.application, &self.settings.emission))
    }
}

fn envelope(organization: &mut Organization, settings: &Settings, now: Instant) -> Value {
    let features = organization.features.read(now, true).clone();
    json!({"organization": responses::organization(organization, &features, &settings.emission, false)})
}

/// An id has 1 to 32 characters with the prefix `org_` (`scalekit-api.md` §7).
fn check_id(field: &'static str, id: &str) -> Result<(), ApiError> {
    let broken = match id {
        _ if id.len() > 32 => Violation::new(field, "string.max_len", "at most 32 characters"),
        _ if !id.starts_with("org_") => Violation::new(field, "string.prefix", "must start with org_"),
        _ => return Ok(()),
    };
    Err(ApiError::invalid(vec![broken]))
}
