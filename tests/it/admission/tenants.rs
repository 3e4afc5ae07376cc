//! Tenants on the real API server: ServiceAccounts with the documented role, each
//! in a namespace of its own.

use crate::cluster::{Cluster, cluster, eventually};
use serde_json::{Value, json};

const ROLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/tenant-role.yaml");
const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/admission-policy.yaml");

struct Tenant<'a> {
    cluster: &'a Cluster,
    namespace: String,
    token: String,
}

impl<'a> Tenant<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let namespace = cluster.namespace();
        let within = |arguments: &[&str]| cluster.ok(&[&["-n", &namespace], arguments].concat());
        cluster.ok(&["apply", "-f", ROLE]);
        within(&["create", "serviceaccount", "tenant"]);
        let account = format!("--serviceaccount={namespace}:tenant");
        within(&["create", "rolebinding", "tenant", "--clusterrole=session-policy-tenant", &account]);
        let token = within(&["create", "token", "tenant"]).trim().to_owned();
        let tenant = Self { cluster, namespace, token };
        eventually("the rights of the tenant", 30, || {
            tenant.kubectl(&["auth", "can-i", "delete", "osp"], "").0.then_some(())
        });
        tenant
    }

    /// Whether the tenant succeeds with it, and all that kubectl said.
    fn kubectl(&self, arguments: &[&str], input: &str) -> (bool, String) {
        self.cluster.with_input(&[&["--token", &self.token, "-n", &self.namespace], arguments].concat(), input)
    }

    fn succeeds(&self, arguments: &[&str], input: &str) {
        let (done, said) = self.kubectl(arguments, input);
        assert!(done, "{arguments:?}: {said}");
    }

    fn is_refused(&self, arguments: &[&str], input: &str, why: &str) {
        let (done, said) = self.kubectl(arguments, input);
        assert!(!done && said.contains(why), "{arguments:?}: {said}");
    }

    /// Whether the tenant could create a resource for `organization`.
    fn may_name(&self, organization: &str) -> bool {
        let (admitted, said) = self.kubectl(&["create", "--dry-run=server", "-f", "-"], &manifest("new", organization));
        assert!(admitted || said.contains(&self.refusal(organization)), "{organization}: {said}");
        admitted
    }

    fn refusal(&self, organization: &str) -> String {
        format!(
            "namespace {} may not name this organization: ask an administrator to add the line \"{organization}\" to the \
             annotation scalekit.com/organizations of the namespace",
            self.namespace
        )
    }

    /// An administrator lists `organizations`; waits until that decides on `organization`.
    fn list(&self, organizations: &str, organization: &str, admitted: bool) {
        let list = format!("scalekit.com/organizations={organizations}");
        self.cluster.ok(&["annotate", "--overwrite", "namespace", &self.namespace, &list]);
        eventually("the new list", 30, || (self.may_name(organization) == admitted).then_some(()));
    }

    /// What the operator does, with its own rights and not those of the tenant.
    fn operator(&self, arguments: &[&str], input: &str) {
        let kubeconfig = self.cluster.kubeconfig("operator");
        let own = ["--kubeconfig", kubeconfig.to_str().unwrap(), "-n", &self.namespace];
        let (done, said) = self.cluster.with_input(&[&own, arguments].concat(), input);
        assert!(done, "{arguments:?}: {said}");
    }

    /// The operator writes a status, as it always does.
    fn report(&self, status: &Value) {
        let apply = ["apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-"];
        let object = json!({
            "apiVersion": "scalekit.com/v1alpha1", "kind": "OrganizationSessionPolicy", "metadata": {"name": "acme"},
            "status": status,
        });
        self.operator(&apply, &object.to_string());
    }

    fn stored(&self) -> Value {
        self.cluster.get(&self.namespace, "osp/acme").unwrap()
    }
}

fn manifest(name: &str, organization: &str) -> String {
    let kind = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy";
    let spec = format!("{{organization: {{{organization}}}, policy: {{policySource: APPLICATION}}}}");
    format!("{kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// A server of its own with the policy in force, since that is for all namespaces.
fn bound() -> Cluster {
    let cluster = Cluster::exclusive();
    cluster.ok(&["apply", "-f", POLICY]);
    let create = ["create", "--dry-run=server", "-n", "default", "-f", "-"];
    eventually("the policy", 30, || (!cluster.with_input(&create, &manifest("a", "id: org_1")).0).then_some(()));
    cluster
}

#[test]
fn a_tenant_names_only_the_organizations_that_an_administrator_listed() {
    let cluster = bound();
    let [alice, bob] = [Tenant::new(&cluster), Tenant::new(&cluster)];
    assert!(!alice.may_name("id: org_1"), "what is not listed is denied");

    alice.list("# ours\n  id: org_1\r\nexternalId: one\n\nexternalId: acme-*", "id: org_1", true);
    for organization in ["externalId: one", "externalId: acme-", "externalId: acme-7"] {
        assert!(alice.may_name(organization), "{organization}");
    }
    for organization in ["id: org_2", "id: org_12", "externalId: org_1", "externalId: one1", "externalId: ACME-7"] {
        assert!(!alice.may_name(organization), "{organization}");
    }
    assert!(!bob.may_name("id: org_1"), "a list is of one namespace");
    bob.list("id: *", "id: org_1", true);
    assert!(!bob.may_name("externalId: one"));
    bob.list("*", "externalId: one", true);

    let own = ["annotate", "--overwrite", "namespace", &alice.namespace, "scalekit.com/organizations=*"];
    alice.is_refused(&own, "", "Forbidden");
    alice.is_refused(&["create", "-n", &bob.namespace, "-f", "-"], &manifest("acme", "id: org_1"), "Forbidden");
}

#[test]
fn a_list_that_lost_a_line_stops_the_tenant_and_not_the_operator() {
    let cluster = bound();
    let tenant = Tenant::new(&cluster);
    let finalizers = |of: &str| {
        let patch = format!(r#"{{"metadata": {{"finalizers": {of}}}}}"#);
        tenant.operator(&["patch", "osp", "acme", "--type=merge", "-p", &patch], "");
    };
    tenant.list("id: org_1\nid: org_2", "id: org_1", true);
    tenant.succeeds(&["create", "-f", "-"], &manifest("acme", "id: org_1"));
    finalizers(r#"["scalekit.com/session-policy"]"#);
    tenant.report(&json!({"environment": "acme.scalekit.dev"}));
    for organization in ["id: org_2", "id: org_3"] {
        tenant.is_refused(&["apply", "-f", "-"], &manifest("acme", organization), "cannot be changed");
    }

    tenant.list("id: org_2", "id: org_1", false);
    let observe = ["patch", "osp", "acme", "--type=merge", "-p", r#"{"spec": {"mode": "Observe"}}"#];
    tenant.is_refused(&observe, "", &tenant.refusal("id: org_1"));
    tenant.succeeds(&["label", "osp", "acme", "team=a"], "");
    tenant.report(&json!({"environment": "acme.scalekit.com"}));
    assert_eq!(tenant.stored()["status"]["environment"], "acme.scalekit.com");

    tenant.succeeds(&["delete", "osp", "acme", "--wait=false"], "");
    finalizers("null");
    assert!(cluster.get(&tenant.namespace, "osp/acme").is_none());
}

#[test]
fn the_status_is_the_operators_and_no_tenant_writes_it() {
    let cluster = cluster();
    let tenant = Tenant::new(&cluster);
    let lie = "status: {observedGeneration: 1, organizationId: org_2, environment: other.scalekit.com}\n";
    let manifest =
        |mode: &str| manifest("acme", "id: org_1").replace("policy:", &format!("mode: {mode}, policy:")) + lie;

    tenant.succeeds(&["create", "-f", "-"], &manifest("Enforce"));
    assert_eq!(tenant.stored()["status"], json!({"observedGeneration": -1}));
    let reported = json!({"observedGeneration": 1, "organizationId": "org_1", "environment": "acme.scalekit.com"});
    tenant.report(&reported);

    let patch = r#"{"spec": {"mode": "TightenOnly"}, "status": {"organizationId": "org_2"}}"#;
    let taken: [(&str, &[&str]); 4] = [
        ("Observe", &["replace", "-f", "-"]),
        ("Enforce", &["apply", "-f", "-"]),
        ("Observe", &["apply", "--server-side", "--force-conflicts", "-f", "-"]),
        ("TightenOnly", &["patch", "osp", "acme", "--type=merge", "-p", patch]),
    ];
    for (mode, arguments) in taken {
        tenant.succeeds(arguments, &manifest(mode));
        let stored = tenant.stored();
        assert_eq!((&stored["spec"]["mode"], &stored["status"]), (&json!(mode), &reported), "{arguments:?}");
    }
    let refused: [&[&str]; 3] = [
        &["replace", "--subresource=status", "-f", "-"],
        &["apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-"],
        &["patch", "osp", "acme", "--subresource=status", "--type=merge", "-p", patch],
    ];
    for arguments in refused {
        tenant.is_refused(arguments, &manifest("Enforce"), "Forbidden");
        assert_eq!(tenant.stored()["status"], reported, "{arguments:?}");
    }
}
