//! One Scalekit environment: everything that a request can read or change.
//!
//! No IO and no waiting happens here, so a request is carried out at one
//! point in time; delays and lost answers are put around it by `faults`.

use super::answers;
use super::call::{Call, Reply};
use super::features::{SESSION_POLICY, is_enabled, patched};
use super::limiter::{Bucket, too_many_requests};
use super::organizations::{Organization, Organizations};
use super::policy::Source;
use super::protojson::Unreadable;
use super::refusal::{Refusal, Violation};
use super::requests::{feature_list, policy_patch};
use super::routes::Route;
use super::settings::{ApplicationAnswer, GateMode, Settings};
use super::tokens::{Client, Tokens};
use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Instant;

/// The state behind the API.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
    pub(crate) organizations: Organizations,
    bucket: Bucket,
}

impl From<Unreadable> for Refusal {
    fn from(why: Unreadable) -> Self {
        Self::malformed(why.to_string())
    }
}

impl Environment {
    pub(crate) fn new(settings: Settings, client: Client, organizations: Organizations) -> Self {
        Self { settings, client, tokens: Tokens::default(), organizations, bucket: Bucket::default() }
    }

    /// Carries out one request at the moment `now`.
    pub(crate) fn handle(&mut self, call: &Call, now: Instant) -> Reply {
        let route = match Route::of(&call.path, self.settings.encoded_slash_routes) {
            Some(Route::Token) => return self.tokens.grant(call, &self.client, &self.settings.token, now),
            Some(route) if self.exists(&route) => route,
            _ => return Refusal::unknown_route().reply(call.sequence),
        };
        if call.bearer().and_then(|token| self.tokens.holder(token, now)).is_none() {
            return Refusal::unauthenticated().reply(call.sequence);
        }
        if let Err(wait) = self.bucket.take(&self.settings.rate_limit, now) {
            return too_many_requests(&self.settings.rate_limit, wait, Timestamp::now().into());
        }
        match self.answer(call, route, now) {
            Ok(body) => Reply::json(200, &body),
            Err(refusal) => refusal.reply(call.sequence),
        }
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

    fn answer(&mut self, call: &Call, route: Route, now: Instant) -> Result<Value, Refusal> {
        let get = call.method == Method::GET;
        let patch = call.method == Method::PATCH;
        match route {
            Route::Organizations if get => self.list(&call.query, now),
            Route::Organization(id) if get => self.read_organization(&id, now),
            Route::ExternalOrganization(id) if get => self.read_external(&id, &call.query, now),
            Route::Settings(id) if patch => self.patch_settings(&id, &call.body, now),
            Route::SessionPolicy(id) if get => self.read_policy(&id, now),
            Route::SessionPolicy(id) if patch => self.patch_policy(&id, &call.body, now),
            Route::ApplicationSessionPolicy(id) if get => self.read_application(&id),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn read_organization(&mut self, id: &str, now: Instant) -> Result<Value, Refusal> {
        // The one route without the prefix rule (`scalekit-api.md` §2.1).
        if id.len() > 32 {
            return Err(Refusal::invalid(vec![Violation::new("id", "string.max_len", "at most 32 characters")]));
        }
        let organization = self.organizations.get(id).ok_or_else(Refusal::organization_not_found)?;
        Ok(envelope(organization, &self.settings, now))
    }

    fn read_external(&mut self, external_id: &str, query: &str, now: Instant) -> Result<Value, Refusal> {
        // `?id=` wins over the path and then fails (`scalekit-api.md` §2.5).
        let has_id = super::call::form(query).iter().any(|(name, _)| name == "id");
        if external_id.is_empty() || has_id {
            return Err(Refusal::malformed("ExternalId is required"));
        }
        let organization = self.organizations.get_external(external_id).ok_or_else(Refusal::organization_not_found)?;
        Ok(envelope(organization, &self.settings, now))
    }

    fn patch_settings(&mut self, id: &str, body: &[u8], now: Instant) -> Result<Value, Refusal> {
        check_id("id", id)?;
        let wanted = feature_list(body, self.settings.parsing)?;
        let organization = self.organizations.get(id).ok_or_else(Refusal::organization_not_found)?;
        if self.settings.gate.mode == GateMode::Environment && is_enabled(&wanted, SESSION_POLICY) {
            return Err(Refusal::feature_disabled(self.settings.gate.status));
        }
        let features =
            patched(organization.features.stored(), wanted, &self.settings.features).map_err(Refusal::invalid)?;
        let answer = answers::organization(organization, &features, &self.settings.emission, false);
        organization.features.write(features, self.settings.lag, now);
        organization.updated = Timestamp::now();
        Ok(json!({"organization": answer}))
    }

    fn read_policy(&mut self, id: &str, now: Instant) -> Result<Value, Refusal> {
        check_id("organization_id", id)?;
        let organization = self.organizations.get(id).ok_or_else(Refusal::organization_not_found)?;
        let policy = organization.policy.read(now, true);
        Ok(answers::session_policy(policy, self.settings.policy.after_revert, &self.settings.emission))
    }

    fn patch_policy(&mut self, id: &str, body: &[u8], now: Instant) -> Result<Value, Refusal> {
        check_id("organization_id", id)?;
        let patch = policy_patch(body, self.settings.parsing)?;
        let settings = &self.settings;
        let organization = self.organizations.get(id).ok_or_else(Refusal::organization_not_found)?;
        let policy = organization
            .policy
            .stored()
            .patched(&patch, &settings.policy, &settings.application)
            .map_err(Refusal::invalid)?;
        let gated = settings.gate.mode == GateMode::Flag && policy.source == Source::Custom;
        if gated && !is_enabled(organization.features.stored(), SESSION_POLICY) {
            return Err(Refusal::feature_disabled(settings.gate.status));
        }
        let answer = answers::session_policy(&policy, settings.policy.after_revert, &settings.emission);
        organization.policy.write(policy, settings.lag, now);
        organization.updated = Timestamp::now();
        Ok(answer)
    }

    fn read_application(&mut self, id: &str) -> Result<Value, Refusal> {
        check_id("organization_id", id)?;
        match self.settings.application.answer {
            ApplicationAnswer::Forbidden => return Err(Refusal::feature_disabled(403)),
            ApplicationAnswer::Unimplemented => return Err(Refusal::unimplemented()),
            ApplicationAnswer::Ok | ApplicationAnswer::NoRoute => {}
        }
        if self.settings.gate.mode == GateMode::Environment {
            return Err(Refusal::feature_disabled(403));
        }
        self.organizations.get(id).ok_or_else(Refusal::organization_not_found)?;
        Ok(answers::application_policy(&self.settings.application, &self.settings.emission))
    }
}

fn envelope(organization: &mut Organization, settings: &Settings, now: Instant) -> Value {
    let features = organization.features.read(now, true).clone();
    json!({"organization": answers::organization(organization, &features, &settings.emission, false)})
}

/// 1..32 characters with the prefix `org_` (`scalekit-api.md` §7).
fn check_id(field: &'static str, id: &str) -> Result<(), Refusal> {
    let broken = match id {
        _ if id.len() > 32 => Violation::new(field, "string.max_len", "at most 32 characters"),
        _ if !id.starts_with("org_") => Violation::new(field, "string.prefix", "must start with org_"),
        _ => return Ok(()),
    };
    Err(Refusal::invalid(vec![broken]))
}
