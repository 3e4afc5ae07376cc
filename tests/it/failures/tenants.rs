//! Tenants who don't trust each other (rows 111, 112). Each is a ServiceAccount
//! that may edit the resources and Secrets of its own namespace, and nothing
//! else; one operator looks after all of them.

use super::{eight_hours, foreign, spec};
use crate::{
    cluster::{cluster, eventually},
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};

/// Client id and secret that Scalekit knows.
pub const REAL: (&str, &str) = ("skc_simulator", "test_simulator");
/// And some that it does not.
const INVENTED: (&str, &str) = ("skc_invented", "invented");
pub const BY_SECRET: &str = ", credentialsSecretRef: {name: scalekit}";

impl World {
    /// From now on kubectl works here as a ServiceAccount of the namespace.
    fn by_tenant(mut self) -> Self {
        self.kubectl(&["create", "serviceaccount", "tenant"]);
        let resources = "--resource=organizationsessionpolicies.scalekit.com,secrets,events.events.k8s.io";
        let verbs = "--verb=get,list,watch,create,update,patch,delete";
        self.kubectl(&["create", "role", "tenant", verbs, resources]);
        let subject = format!("--serviceaccount={}:tenant", self.namespace);
        self.kubectl(&["create", "rolebinding", "tenant", "--role=tenant", &subject]);
        let token = self.kubectl(&["create", "token", "tenant"]);
        self.tenant = vec!["--token".into(), token.trim().into()];
        self
    }

    /// The Secret `scalekit` with these credentials of the environment at `url`.
    pub fn credentials(&self, url: &str, (id, secret): (&str, &str)) {
        let manifest = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "scalekit", "namespace": self.namespace},
            "stringData": {"SCALEKIT_ENVIRONMENT_URL": url, "SCALEKIT_CLIENT_ID": id, "SCALEKIT_CLIENT_SECRET": secret}});
        let (accepted, said) = self.with_input(&["apply", "-f", "-"], &manifest.to_string());
        assert!(accepted, "{said}");
    }

    /// Whether the organization was ever set back to the application's policy.
    pub fn was_reverted(&self, organization: &str) -> bool {
        self.policies(organization).contains(&json!({"policy_source": "APPLICATION"}))
    }
}

/// Two tenants with one Scalekit; the operator is to run in the first one's
/// world.
pub async fn two_tenants(arguments: &[&'static str]) -> (World, World) {
    let scalekit = World::scalekit(json!({})).await;
    let mut owner = World::on(cluster(), scalekit.clone()).by_tenant();
    let other = World::on(cluster(), scalekit).by_tenant();
    owner.arguments = vec!["--watch-namespace", other.namespace.clone().leak()];
    owner.arguments.extend(arguments);
    owner.credentials(&owner.simulator.base_url(), REAL);
    (owner, other)
}

/// 90 minutes for `organization`.
pub fn ninety(organization: &str) -> String {
    let policy = "{policySource: CUSTOM, absoluteSessionTimeout: 90, absoluteSessionTimeoutUnit: MINUTES}";
    format!("{{organization: {{{organization}}}, policy: {policy}{BY_SECRET}}}")
}

/// The owner's drift is repaired, and its deletion reverts.
pub fn corrects_and_reverts(owner: &World) {
    owner.edit("org_1", &json!({"policy": foreign()}));
    eventually("the drift is repaired", 60, || (owner.stored("org_1")["policy"] == eight_hours()).then_some(()));
    owner.until("acme", "True", "InSync");
    assert!(!owner.resource("acme").unwrap()["metadata"]["finalizers"].is_null());
    assert!(!owner.was_reverted("org_1"));
    owner.kubectl(&["delete", "osp", "acme", "--timeout=60s"]);
    assert_eq!(owner.stored("org_1")["policy"]["source"], "APPLICATION");
    assert!(owner.events("HandedOver").is_empty());
}

fn claims_nothing(resource: &Value) {
    assert!(resource["status"]["claim"].is_null(), "{resource:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_invented_credentials_claim_nothing_though_the_resource_is_older() {
    let (mut owner, other) = two_tenants(&[]).await;
    other.credentials(&owner.simulator.base_url(), INVENTED);
    other.apply("squatter", &ninety("id: org_1"));
    other.apply("by-external-id", &ninety("externalId: tenant-1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "by-external-id"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    for squatter in ["squatter", "by-external-id"] {
        claims_nothing(&other.until(squatter, "False", "CredentialsRejected"));
    }
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_sleeping_resource_that_wakes_with_invented_credentials_takes_nothing() {
    let (mut owner, other) = two_tenants(&[]).await;
    other.apply("squatter", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "squatter"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    other.until("squatter", "False", "CredentialsMissing");
    other.credentials(&owner.simulator.base_url(), INVENTED);
    claims_nothing(&other.until("squatter", "False", "CredentialsRejected"));
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_younger_resource_with_invented_credentials_is_no_successor() {
    let (mut owner, other) = two_tenants(&["--revert-delay", "2s"]).await;
    owner.apply("acme", &spec(BY_SECRET));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    other.credentials(&owner.simulator.base_url(), INVENTED);
    other.apply("squatter", &ninety("id: org_1"));
    claims_nothing(&other.until("squatter", "False", "CredentialsRejected"));
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_claim_verified_elsewhere_says_nothing_here_when_its_secret_flips() {
    let elsewhere = World::scalekit(json!({})).await;
    let (mut owner, other) = two_tenants(&[]).await;
    other.credentials(&elsewhere.base_url(), REAL);
    other.apply("flips", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "flips"));
    owner.start_with(&[]);
    other.until("flips", "True", "InSync");
    owner.until("acme", "True", "InSync");
    // neither an answer nor a refusal: what the status said before stays, of there
    let down = json!({"path": "/oauth/token", "times": "forever", "fault": {"kind": "refuse", "status": 503}});
    owner.inject(&down);
    other.credentials(&owner.simulator.base_url(), INVENTED);
    other.kubectl(&["annotate", "osp", "flips", "reconcile.fluxcd.io/requestedAt=1"]);
    let flipped = eventually("a reconcile of the one that flips", 60, || {
        other.resource("flips").filter(|resource| resource["status"]["lastHandledReconcileAt"] == "1")
    });
    let host = owner.simulator.address().to_string();
    assert!(!flipped["status"]["environment"].as_str().unwrap().contains(&host), "{flipped:#}");
    owner.clear_faults();
    claims_nothing(&other.until("flips", "False", "CredentialsRejected"));
    other.credentials(&elsewhere.base_url(), REAL);
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_namespace_that_the_default_credentials_do_not_serve_claims_nothing_by_them() {
    let (mut owner, other) = two_tenants(&[]).await;
    owner.arguments.extend(["--default-credentials-for", owner.namespace.clone().leak()]);
    other.apply("squatter", &spec(""));
    owner.apply_younger("acme", &spec(""), (&other, "squatter"));
    owner.start_operator();
    owner.until("acme", "True", "InSync");
    claims_nothing(&other.until("squatter", "False", "CredentialsNotAllowed"));
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_refused_credentials_lose_their_claim_to_verified_ones_and_get_it_back() {
    let (mut owner, other) = two_tenants(&[]).await;
    let url = owner.simulator.base_url();
    owner.apply("acme", &spec(BY_SECRET));
    other.credentials(&url, REAL);
    other.apply_younger("second", &ninety("id: org_1"), (&owner, "acme"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    other.until("second", "False", "Conflict");
    let rotated = (REAL.0, "rotated");
    owner.admin("PUT", "client", &json!({"client_id": rotated.0, "client_secret": rotated.1}));
    other.credentials(&url, rotated);
    owner.admin("POST", "tokens/revoke", &Value::Null);
    claims_nothing(&owner.until("acme", "False", "CredentialsRejected"));
    other.kubectl(&["annotate", "osp", "second", "reconcile.fluxcd.io/requestedAt=1"]);
    other.until("second", "True", "InSync");
    owner.credentials(&url, rotated);
    owner.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=1"]);
    owner.until("acme", "True", "InSync");
    other.until("second", "False", "Conflict");
    let written: Vec<_> = owner.policies("org_1").iter().map(|body| body["absolute_session_timeout"].clone()).collect();
    assert_eq!(written, [480, 90, 480].map(Value::from), "what one of both has declared, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_whoever_has_written_stays_responsible_until_the_new_owner_is_in_sync() {
    let (mut owner, other) = two_tenants(&[]).await;
    other.apply("sleeper", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "sleeper"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    owner.inject(&json!({"method": "PATCH", "path": super::POLICY, "times": "forever",
        "fault": {"kind": "refuse", "status": 503}}));
    other.credentials(&owner.simulator.base_url(), REAL);
    let conflicted = owner.until("acme", "False", "Conflict");
    assert!(!conflicted["metadata"]["finalizers"].is_null());
    owner.clear_faults();
    other.kubectl(&["annotate", "osp", "sleeper", "reconcile.fluxcd.io/requestedAt=1"]);
    other.until("sleeper", "True", "InSync");
    eventually("the conflicted needs no finalizer any more", 60, || {
        owner.resource("acme")?["metadata"]["finalizers"].is_null().then_some(())
    });
    assert!(!owner.was_reverted("org_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_two_tenants_that_go_at_once_leave_the_organization_set_back() {
    let (mut owner, other) = two_tenants(&["--revert-delay", "1s"]).await;
    owner.apply("acme", &spec(BY_SECRET));
    other.credentials(&owner.simulator.base_url(), REAL);
    other.apply_younger("second", &ninety("id: org_1"), (&owner, "acme"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    other.until("second", "False", "Conflict");
    owner.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    other.kubectl(&["delete", "osp", "second", "--wait=false"]);
    owner.kill_operator();
    owner.start_with(&[]);
    owner.until_gone("acme");
    other.until_gone("second");
    assert_eq!(owner.stored("org_1")["policy"]["source"], "APPLICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_revert_that_lost_its_credentials_keeps_nobody_else_out() {
    let (mut owner, other) = two_tenants(&["--request-timeout", "500ms"]).await;
    owner.apply("acme", &spec(BY_SECRET));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    owner.inject(&json!({"method": "PATCH", "path": super::POLICY, "times": "forever",
        "fault": {"kind": "refuse", "status": 503}}));
    owner.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    owner.until_held("acme");
    owner.kubectl(&["delete", "secret", "scalekit"]);
    owner.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=1"]);
    owner.until("acme", "False", "CredentialsMissing");
    owner.clear_faults();
    other.credentials(&owner.simulator.base_url(), REAL);
    other.apply("second", &ninety("id: org_1"));
    other.until("second", "True", "InSync");
    assert_eq!(owner.stored("org_1")["policy"]["absolute_minutes"], 90);
    owner.credentials(&owner.simulator.base_url(), REAL);
    owner.until_gone("acme");
    other.until("second", "True", "InSync");
    assert_eq!(owner.stored("org_1")["policy"]["absolute_minutes"], 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_an_owner_that_edits_its_credentials_again_and_again_stays_the_owner() {
    let (mut owner, other) = two_tenants(&[]).await;
    owner.apply("acme", &spec(BY_SECRET));
    other.credentials(&owner.simulator.base_url(), REAL);
    other.apply_younger("second", &ninety("id: org_1"), (&owner, "acme"));
    let copy = owner.kubectl(&["get", "secret", "scalekit", "-o", "json"]);
    let mut copy: Value = serde_json::from_str(&copy).unwrap();
    copy["metadata"] = json!({"name": "again", "namespace": owner.namespace});
    let (accepted, said) = owner.with_input(&["apply", "-f", "-"], &copy.to_string());
    assert!(accepted, "{said}");
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    for _ in 0..5 {
        for secret in ["again", "scalekit"] {
            owner.edit("org_1", &json!({"policy": foreign()}));
            owner.apply("acme", &spec(&BY_SECRET.replace("scalekit", secret)));
        }
        owner.kill_operator();
        owner.start_with(&[]);
    }
    eventually("the drift is repaired", 60, || (owner.stored("org_1")["policy"] == eight_hours()).then_some(()));
    owner.until("acme", "True", "InSync");
    other.until("second", "False", "Conflict");
    let written = owner.policies("org_1");
    assert!(written.iter().all(|policy| policy["absolute_session_timeout"] == 480), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_claim_goes_with_its_namespace() {
    let (mut owner, other) = two_tenants(&["--namespace-deletion-grace", "2s"]).await;
    other.credentials(&owner.simulator.base_url(), REAL);
    other.apply("first", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "first"));
    owner.start_with(&[]);
    other.until("first", "True", "InSync");
    owner.until("acme", "False", "Conflict");
    owner.kill_operator();
    cluster().ok(&["delete", "namespace", &other.namespace, "--wait=false"]);
    eventually("the Secret is gone", 60, || cluster().get(&other.namespace, "secret/scalekit").is_none().then_some(()));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    assert_eq!(owner.stored("org_1")["policy"], eight_hours());
    assert!(!owner.was_reverted("org_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_111_a_tenant_cannot_write_its_claim_itself() {
    let (mut owner, other) = two_tenants(&[]).await;
    other.apply("squatter", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "squatter"));
    let status = json!({"claim": "Verified", "organizationId": "org_1",
        "environment": owner.simulator.address().to_string()});
    let patch = json!({"status": status}).to_string();
    let tenant: Vec<&str> = other.tenant.iter().map(String::as_str).collect();
    let arguments = ["-n", &other.namespace, "patch", "osp", "squatter", "--type=merge", "-p", &patch];
    let output = cluster().kubectl(&[&tenant[..], &arguments, &["--subresource=status"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("forbidden"), "{said}");
    assert!(cluster().kubectl(&[&tenant[..], &arguments].concat()).status.success());
    claims_nothing(&other.resource("squatter").unwrap());
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_112_a_secret_of_another_namespace_that_cannot_be_read_costs_nobody_else_anything() {
    let (mut owner, other) = two_tenants(&[]).await;
    owner.user = "limited";
    for (world, resources) in [(&owner, "secrets"), (&other, "configmaps")] {
        let of = ["-n", &world.namespace, "create"];
        let ours = "organizationsessionpolicies.scalekit.com";
        let all = format!("--resource={resources},{ours},{ours}/status");
        cluster().ok(&[&of[..], &["role", "limited", "--verb=get,list,watch,patch", &all]].concat());
        cluster().ok(&[&of[..], &["rolebinding", "limited", "--role=limited", "--user=limited"]].concat());
    }
    other.credentials(&owner.simulator.base_url(), REAL);
    other.apply("unreadable", &ninety("id: org_1"));
    owner.apply_younger("acme", &spec(BY_SECRET), (&other, "unreadable"));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    claims_nothing(&eventually("it says that it is not ready", 60, || {
        other.resource("unreadable").filter(|resource| super::says(resource, "Ready") != "absent absent")
    }));
    corrects_and_reverts(&owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_112_two_hundred_resources_without_a_secret_cost_an_edit_of_the_owner_no_request() {
    let (mut owner, other) = two_tenants(&["--resync-interval", "1h"]).await;
    owner.apply("acme", &spec(BY_SECRET));
    owner.start_with(&[]);
    owner.until("acme", "True", "InSync");
    let edit = |minutes: u32| {
        let (tokens, before) = (owner.tokens(), owner.request_sequence("org_1").len());
        let policy = EIGHT_HOURS.replace(
            "idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES",
            &format!("idleSessionTimeout: {minutes}, idleSessionTimeoutUnit: MINUTES"),
        );
        owner.apply("acme", &format!("{{organization: {{id: org_1}}, policy: {policy}{BY_SECRET}}}"));
        owner.until("acme", "True", "InSync");
        eventually("it is live", 60, || (owner.stored("org_1")["policy"]["idle_minutes"] == minutes).then_some(()));
        (owner.tokens() - tokens, owner.request_sequence("org_1").split_off(before))
    };
    let alone = edit(50);
    let items: Vec<Value> = (0..200)
        .map(|n| {
            json!({"apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy",
                "metadata": {"name": format!("many-{n}"), "namespace": other.namespace},
                "spec": {"organization": {"id": "org_1"}, "credentialsSecretRef": {"name": format!("none-{n}")},
                    "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 90, "absoluteSessionTimeoutUnit": "MINUTES"}}})
        })
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let (accepted, said) = other.with_input(&["create", "-f", "-"], &list.to_string());
    assert!(accepted, "{said}");
    other.until("many-199", "False", "CredentialsMissing");
    assert_eq!(edit(40), alone);
}
