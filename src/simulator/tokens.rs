//! The token endpoint and its tokens (`scalekit-api.md` §1.3–1.5).

use super::http::{ApiRequest, ApiResponse, form};
use super::settings::Token;
use axum::http::{Method, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The API client. Its secret is not protected, since it is for tests.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

#[derive(Debug)]
struct Grant {
    expires: Instant,
    client_id: String,
}

/// The valid tokens, and the number of all tokens issued.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    live: HashMap<String, Grant>,
    issued: u64,
}

impl Tokens {
    pub(crate) fn grant(
        &mut self,
        request: &ApiRequest,
        client: &Client,
        rules: &Token,
        base_url: &str,
        now: Instant,
    ) -> ApiResponse {
        if let Err(refusal) = check(request, client) {
            return refusal;
        }
        self.live.retain(|_, grant| grant.expires > now);
        self.issued += 1;
        let opaque = format!("simulated-{}-{:016x}", self.issued, fastrand::u64(..));
        let token = match rules.issuer.as_deref().unwrap_or(base_url) {
            "" => opaque,
            issuer => jwt(&json!({"iss": issuer, "sub": client.client_id}), &opaque),
        };
        let expires = now + Duration::from_millis(rules.lifetime_ms);
        self.live.insert(token.clone(), Grant { expires, client_id: client.client_id.clone() });
        let seconds = rules.expires_in.unwrap_or_else(|| i64::try_from(rules.lifetime_ms / 1000).unwrap_or(i64::MAX));
        let expires_in = if rules.expires_in_as_string { json!(seconds.to_string()) } else { json!(seconds) };
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in, "scope": "openid"});
        ApiResponse::json(200, &body)
    }

    /// The client id of a valid token.
    pub(crate) fn holder(&self, token: &str, now: Instant) -> Option<&str> {
        self.live.get(token).filter(|grant| grant.expires > now).map(|grant| grant.client_id.as_str())
    }

    pub(crate) fn revoke_all(&mut self) {
        self.live.clear();
    }

    /// `{"issued": n, "live": n}`.
    pub(crate) fn counts(&self, now: Instant) -> Value {
        let live = self.live.values().filter(|grant| grant.expires > now).count();
        json!({"issued": self.issued, "live": live})
    }
}

/// A token with these claims. Nobody checks the signature.
fn jwt(claims: &Value, signature: &str) -> String {
    let part = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.{signature}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims))
}

/// Checks a token request; the error is the OAuth error response.
fn check(request: &ApiRequest, client: &Client) -> Result<(), ApiResponse> {
    if request.method != Method::POST {
        return Err(oauth_error(405, "invalid_request", "use POST"));
    }
    let kind = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(oauth_error(400, "invalid_request", "the body must be form-urlencoded"));
    }
    let fields = form(&String::from_utf8_lossy(&request.body));
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(oauth_error(400, "unsupported_grant_type", "only client_credentials")),
        None => return Err(oauth_error(400, "invalid_request", "grant_type is missing")),
    }
    match (field("client_id"), field("client_secret")) {
        (Some(id), Some(secret)) if id == client.client_id && secret == client.client_secret => Ok(()),
        (Some(_), Some(_)) => Err(oauth_error(401, "invalid_client", "client authentication failed")),
        _ => Err(oauth_error(400, "invalid_request", "client_id or client_secret is missing")),
    }
}

pub(crate) fn oauth_error(status: u16, error: &str, description: &str) -> ApiResponse {
    ApiResponse::json(status, &json!({"error": error, "error_description": description}))
}
