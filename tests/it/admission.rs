//! Bad specs are refused at the door with the message a person needs, good ones
//! are accepted; the offline check gives the same verdict on every row.

use crate::{cluster::cluster, world::World};
use serde_json::{Value, json};
use session_policy_operator::crd;

/// A spec in YAML, and what a person must be told. `{c …}` is short for an
/// otherwise good custom policy.
const BAD: &[(&str, &str)] = &[
    // the organization
    ("{organization: {id: \"../../x\"}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: org_1/../org_2}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: \"%2e%2e\"}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: \"org_1?x\"}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: \"org_1#\"}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: \"org_\\0\"}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: org_}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: ORG_1}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: org_12345678901234567890123456789}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: 7}, policy: {policySource: APPLICATION}}", "organization.id"),
    ("{organization: {id: org_1, externalId: a}, policy: {policySource: APPLICATION}}", "exactly one"),
    ("{organization: {}, policy: {policySource: APPLICATION}}", "exactly one"),
    ("{organization: {externalId: \"\"}, policy: {policySource: APPLICATION}}", "externalId"),
    ("{organization: {externalId: \".\"}, policy: {policySource: APPLICATION}}", "externalId"),
    ("{organization: {externalId: \"..\"}, policy: {policySource: APPLICATION}}", "externalId"),
    ("{organization: {externalId: \"a\\r\\nb\"}, policy: {policySource: APPLICATION}}", "externalId"),
    ("{organization: {externalId: \"a\\x7fb\"}, policy: {policySource: APPLICATION}}", "externalId"),
    ("{policy: {policySource: APPLICATION}}", "organization"),
    // the policy's source
    ("{organization: {id: org_1}}", "policy"),
    ("{organization: {id: org_1}, policy: {}}", "policySource"),
    ("{organization: {id: org_1}, policy: {policySource: OTHER}}", "policySource"),
    ("{organization: {id: org_1}, policy: {policySource: custom, absoluteSessionTimeout: 5}}", "policySource"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION, absoluteSessionTimeout: 5}}", "APPLICATION"),
    (
        "{organization: {id: org_1}, policy: {policySource: APPLICATION, absoluteSessionTimeoutUnit: DAYS}}",
        "APPLICATION",
    ),
    (
        "{organization: {id: org_1}, policy: {policySource: APPLICATION, idleSessionTimeoutEnabled: false}}",
        "APPLICATION",
    ),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION, idleSessionTimeout: 5}}", "APPLICATION"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION, idleSessionTimeoutUnit: DAYS}}", "APPLICATION"),
    // the absolute timeout
    ("{organization: {id: org_1}, policy: {policySource: CUSTOM}}", "absoluteSessionTimeout"),
    ("{c 0}", "absoluteSessionTimeout"),
    ("{c -1}", "absoluteSessionTimeout"),
    ("{c 1.5}", "absoluteSessionTimeout"),
    ("{c eight}", "absoluteSessionTimeout"),
    ("{c 2147483648}", "absoluteSessionTimeout"),
    ("{c 1491309, absoluteSessionTimeoutUnit: DAYS}", "1491308"),
    ("{c 35791395, absoluteSessionTimeoutUnit: HOURS}", "35791394"),
    ("{c 8, absoluteSessionTimeoutUnit: hours}", "absoluteSessionTimeoutUnit"),
    ("{c 8, absoluteSessionTimeoutUnit: WEEKS}", "absoluteSessionTimeoutUnit"),
    // the idle timeout
    ("{c 60, idleSessionTimeoutEnabled: true}", "needs an idleSessionTimeout"),
    ("{c 60, idleSessionTimeout: 5}", "idleSessionTimeoutEnabled"),
    ("{c 60, idleSessionTimeoutEnabled: false, idleSessionTimeout: 5}", "idleSessionTimeoutEnabled"),
    ("{c 60, idleSessionTimeoutUnit: HOURS}", "idleSessionTimeoutUnit"),
    ("{c 60, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60}", "shorter"),
    ("{c 60, idleSessionTimeoutEnabled: true, idleSessionTimeout: 61}", "shorter"),
    ("{c 1, absoluteSessionTimeoutUnit: HOURS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60}", "shorter"),
    (
        "{c 7, absoluteSessionTimeoutUnit: DAYS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 7, \
      idleSessionTimeoutUnit: DAYS}",
        "shorter",
    ),
    ("{c 60, idleSessionTimeoutEnabled: true, idleSessionTimeout: 0}", "idleSessionTimeout"),
    ("{c 60, idleSessionTimeoutEnabled: \"yes\", idleSessionTimeout: 5}", "idleSessionTimeoutEnabled"),
    // the rest
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: 5s}", "30s to 24h"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: 25h}", "30s to 24h"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: soon}", "interval"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: -10m}", "interval"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, mode: enforce}", "mode"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, deletionPolicy: Delete}", "deletionPolicy"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, suspend: \"true\"}", "suspend"),
    (
        "{organization: {id: org_1}, policy: {policySource: APPLICATION}, credentialsSecretRef: {name: a, namespace: b}}",
        "namespace",
    ),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, credentialsSecretRef: {name: A_b}}", "name"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, credentialsSecretRef: {}}", "name"),
    ("{organization: {id: org_1}, policy: {policySource: APPLICATION}, policies: []}", "policies"),
];

const GOOD: &[&str] = &[
    "{organization: {id: org_1}, policy: {policySource: APPLICATION}}",
    "{organization: {id: org_1234567890123456789012345678}, policy: {policySource: APPLICATION}}",
    "{organization: {externalId: tenant-7}, policy: {policySource: APPLICATION}}",
    "{organization: {externalId: \"a/b?c#d%e:f ü ..\"}, policy: {policySource: APPLICATION}}",
    "{c 1}",
    "{c 2147483647}",
    "{c 8, absoluteSessionTimeoutUnit: HOURS}",
    "{c 35791394, absoluteSessionTimeoutUnit: HOURS}",
    "{c 1491308, absoluteSessionTimeoutUnit: DAYS}",
    "{c 60, idleSessionTimeoutEnabled: false}",
    "{c 60, idleSessionTimeoutEnabled: true, idleSessionTimeout: 59}",
    "{c 1, absoluteSessionTimeoutUnit: HOURS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 59}",
    "{c 1, absoluteSessionTimeoutUnit: DAYS, idleSessionTimeoutEnabled: true, idleSessionTimeout: 23, \
      idleSessionTimeoutUnit: HOURS}",
    "{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: 30s, mode: Observe, suspend: true}",
    "{organization: {id: org_1}, policy: {policySource: APPLICATION}, interval: 1h30m, mode: TightenOnly}",
    "{organization: {id: org_1}, policy: {policySource: APPLICATION}, deletionPolicy: Retain}",
    "{organization: {id: org_1}, policy: {policySource: APPLICATION}, credentialsSecretRef: {name: scalekit.prod}}",
];

fn spelled_out(spec: &str) -> String {
    match spec.strip_prefix("{c ") {
        Some(rest) => {
            format!("{{organization: {{id: org_1}}, policy: {{policySource: CUSTOM, absoluteSessionTimeout: {rest}}}")
        }
        None => spec.to_owned(),
    }
}

fn manifest(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n\
         metadata: {{name: {name}, namespace: default}}\nspec: {}\n",
        spelled_out(spec)
    )
}

fn parsed(manifest: &str) -> Value {
    serde_yaml::from_str(manifest).unwrap()
}

fn offline(manifest: &str, old: Option<&str>) -> Vec<String> {
    let violations = crd::check(&parsed(manifest), old.map(parsed).as_ref()).unwrap();
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn bad_specs_are_refused_with_what_to_write_instead() {
    assert!(BAD.len() >= 40);
    for (spec, said) in BAD {
        let manifest = manifest("bad", spec);
        let (accepted, answer) = cluster().with_input(&["apply", "--dry-run=server", "-f", "-"], &manifest);
        assert!(!accepted, "the API server accepted {spec}");
        assert!(answer.contains(said), "{spec}: {answer}");
        let findings = offline(&manifest, None);
        assert!(!findings.is_empty(), "the offline check accepted {spec}");
        assert!(findings.iter().any(|finding| finding.contains(said)), "{spec}: {findings:?}");
    }
}

#[test]
fn good_specs_are_accepted() {
    assert!(GOOD.len() >= 15);
    for (number, spec) in GOOD.iter().enumerate() {
        let manifest = manifest(&format!("good-{number}"), spec);
        let (accepted, answer) = cluster().with_input(&["apply", "-f", "-"], &manifest);
        assert!(accepted, "{spec}: {answer}");
        assert_eq!(offline(&manifest, None), [""; 0], "{spec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_never_changed_in_place() {
    let world = World::without_operator(json!({})).await;
    let before = "{organization: {id: org_1}, policy: {policySource: APPLICATION}}";
    world.apply("acme", before);
    for after in [
        "{organization: {id: org_2}, policy: {policySource: APPLICATION}}",
        "{organization: {externalId: tenant-1}, policy: {policySource: APPLICATION}}",
    ] {
        let (accepted, answer) = world.try_apply("acme", after);
        assert!(!accepted && answer.contains("cannot be changed"), "{answer}");
        let findings = offline(&manifest("acme", after), Some(&manifest("acme", before)));
        assert!(findings.iter().any(|finding| finding.contains("cannot be changed")), "{findings:?}");
    }
}
