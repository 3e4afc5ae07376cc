//! Baseline: the same job as a kube-rs `Controller` with `finalizer()`, as its documentation shows it. Tuned: one call
//! to Scalekit at rest, no reconcile for its own status, no managedFields in memory, 16 at a time, paced calls.

use futures::StreamExt;
use kube::{
    Api, Client, CustomResource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{
        Controller, Predicate, WatchStreamExt,
        controller::{Action, Config},
        finalizer::{Event, finalizer},
        predicates, reflector, watcher,
    },
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "scalekit.com", version = "v1alpha1", kind = "OrganizationSessionPolicy")]
#[kube(namespaced, status = "Status", schema = "disabled")]
#[serde(rename_all = "camelCase")]
struct Spec {
    organization: Organization,
    policy: Value,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Organization {
    id: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Option<i64>,
    organization_id: Option<String>,
    conditions: Vec<Value>,
}

/// Reports a type that `finalizer()` and `Controller` accept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(Failure);

struct Context {
    client: Client,
    scalekit: Scalekit,
    interval: Duration,
}

struct Scalekit {
    http: reqwest::Client,
    token: Mutex<Option<String>>,
    /// When the next call may be sent.
    next: Mutex<Instant>,
    gap: Duration,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

impl Scalekit {
    fn new() -> Self {
        let rate: f64 = variable("BASELINE_RATE").parse().unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let (token, next) = (Mutex::default(), Mutex::new(Instant::now()));
        Self { http, token, next, gap: Duration::from_secs_f64(1.0 / rate) }
    }

    async fn turn(&self) {
        let mut next = self.next.lock().await;
        let at = (*next).max(Instant::now());
        *next = at + self.gap;
        drop(next);
        sleep_until(at).await;
    }

    async fn token(&self) -> Result<String, Failure> {
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref() {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", variable("SCALEKIT_CLIENT_ID")),
            ("client_secret", variable("SCALEKIT_CLIENT_SECRET")),
        ];
        let url = format!("{}/oauth/token", variable("SCALEKIT_ENVIRONMENT_URL"));
        let body = self.http.post(url).form(&form).send().await?.error_for_status()?.bytes().await?;
        let new = serde_json::from_slice::<Value>(&body)?["access_token"].as_str().ok_or("no token")?.to_owned();
        *token = Some(new.clone());
        Ok(new)
    }

    /// Waits as a 429 says, and gets a new token after a 401.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        for _ in 0..10 {
            let token = self.token().await?;
            self.turn().await;
            let url = format!("{}/api/v1/organizations/{path}", variable("SCALEKIT_ENVIRONMENT_URL"));
            let mut request = self.http.request(method.clone(), url).bearer_auth(token);
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let response = request.send().await?;
            match response.status() {
                StatusCode::TOO_MANY_REQUESTS => {
                    let after =
                        response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
                    let until = Instant::now() + Duration::from_secs(after.unwrap_or(1));
                    let mut next = self.next.lock().await;
                    *next = (*next).max(until);
                }
                StatusCode::UNAUTHORIZED => *self.token.lock().await = None,
                _ => return Ok(serde_json::from_slice(&response.error_for_status()?.bytes().await?)?),
            }
        }
        Err("no success after ten tries".into())
    }
}

fn minutes(policy: &Value, timeout: &str) -> Value {
    let unit = match policy[format!("{timeout}Unit")].as_str() {
        Some("HOURS") => 60,
        Some("DAYS") => 1440,
        _ => 1,
    };
    policy[timeout].as_i64().map_or(Value::Null, |value| json!(value * unit))
}

/// What is to be in Scalekit, in minutes.
fn desired(policy: &Value) -> Value {
    let mut desired = json!({"policy_source": policy["policySource"]});
    let absolute = minutes(policy, "absoluteSessionTimeout");
    if !absolute.is_null() {
        desired["absolute_session_timeout"] = absolute;
        desired["absolute_session_timeout_unit"] = json!("MINUTES");
        desired["idle_session_timeout_enabled"] = json!(policy["idleSessionTimeoutEnabled"] == true);
    }
    let idle = minutes(policy, "idleSessionTimeout");
    if !idle.is_null() {
        desired["idle_session_timeout"] = idle;
        desired["idle_session_timeout_unit"] = json!("MINUTES");
    }
    desired
}

fn holds(live: &Value, desired: &Value) -> bool {
    let same = |name: &str| live[name] == desired[name];
    let off = |policy: &Value| policy["idle_session_timeout_enabled"] != true;
    same("policy_source")
        && same("absolute_session_timeout")
        && off(live) == off(desired)
        && (off(desired) || same("idle_session_timeout"))
}

async fn apply(object: Arc<OrganizationSessionPolicy>, context: &Context) -> Result<Action, Failure> {
    let (id, scalekit) = (&object.spec.organization.id, &context.scalekit);
    let (path, desired) = (format!("{id}/session-policy"), desired(&object.spec.policy));
    let live = scalekit.call(Method::GET, &path, None).await?;
    if !holds(&live["policy"], &desired) {
        let organization = scalekit.call(Method::GET, id, None).await?;
        let listed = organization["organization"]["settings"]["features"].as_array();
        let mut features = listed.cloned().unwrap_or_default();
        if !features.iter().any(|feature| feature["name"] == "session_policy" && feature["enabled"] == true) {
            features.retain(|feature| feature["name"] != "session_policy");
            features.push(json!({"name": "session_policy", "enabled": true}));
            scalekit.call(Method::PATCH, &format!("{id}/settings"), Some(&json!({"features": features}))).await?;
        }
        let echo = scalekit.call(Method::PATCH, &path, Some(&desired)).await?;
        if !holds(&echo["policy"], &desired) {
            return Err("the policy was not applied".into());
        }
    }
    let status = object.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().find(|c| c["type"] == "Ready" && c["status"] == "True");
    if ready.is_none() || status.observed_generation != object.metadata.generation {
        let since = ready.map_or_else(|| json!(jiff::Timestamp::now()), |ready| ready["lastTransitionTime"].clone());
        let generation = object.metadata.generation;
        let condition = json!({
            "type": "Ready", "status": "True", "reason": "InSync", "message": "applied",
            "lastTransitionTime": since, "observedGeneration": generation,
        });
        let status = json!({"observedGeneration": generation, "organizationId": id, "conditions": [condition]});
        let api = api(&object, context);
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await?;
    }
    Ok(Action::requeue(context.interval.mul_f64(0.9 + 0.2 * fastrand::f64())))
}

async fn cleanup(object: Arc<OrganizationSessionPolicy>, context: &Context) -> Result<Action, Failure> {
    let (scalekit, path) = (&context.scalekit, format!("{}/session-policy", object.spec.organization.id));
    let live = scalekit.call(Method::GET, &path, None).await?;
    if live["policy"]["policy_source"] != "APPLICATION" {
        scalekit.call(Method::PATCH, &path, Some(&json!({"policy_source": "APPLICATION"}))).await?;
    }
    Ok(Action::await_change())
}

fn api(object: &OrganizationSessionPolicy, context: &Context) -> Api<OrganizationSessionPolicy> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

async fn reconcile(object: Arc<OrganizationSessionPolicy>, context: Arc<Context>) -> Result<Action, Failed> {
    let api = api(&object, &context);
    let result = finalizer(&api, "baseline.scalekit.com/kube-rs", object, |event| async {
        match event {
            Event::Apply(object) => apply(object, &context).await.map_err(Failed),
            Event::Cleanup(object) => cleanup(object, &context).await.map_err(Failed),
        }
    });
    result.await.map_err(|error| Failed(error.into()))
}

pub async fn run() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let client = Client::try_default().await.unwrap();
    let interval = Duration::from_secs(variable("BASELINE_INTERVAL").parse().unwrap());
    let context = Arc::new(Context { client: client.clone(), scalekit: Scalekit::new(), interval });
    let (reader, writer) = reflector::store();
    let all = Api::<OrganizationSessionPolicy>::all(client);
    let stream = watcher(all, watcher::Config::default().streaming_lists())
        .default_backoff()
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation.combine(predicates::finalizers), Default::default());
    Controller::for_stream(stream, reader)
        .with_config(Config::default().concurrency(16))
        .shutdown_on_signal()
        .run(reconcile, |_, _, _| Action::requeue(Duration::from_secs_f64(2.0 + 8.0 * fastrand::f64())), context)
        .for_each(|_| std::future::ready(()))
        .await;
}
