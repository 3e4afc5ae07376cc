//! The table: specs and whole manifests that are good or bad, and what a person
//! is warned about the bad ones.

/// A manifest in YAML, and what it is about.
pub struct Row {
    /// What is good or bad about it.
    pub about: &'static str,
    /// Either a whole manifest, or only its spec; then `organization` and
    /// `policy` are filled in where the spec does not mention them.
    pub yaml: &'static str,
    /// Bad rows: a part of what the API server must answer.
    pub ran: &'static str,
}

const fn good(about: &'static str, yaml: &'static str) -> Row {
    Row { about, yaml, ran: "" }
}

const fn bad(about: &'static str, yaml: &'static str, ran: &'static str) -> Row {
    Row { about, yaml, ran }
}

impl Row {
    /// The whole manifest, named `name`.
    pub fn manifest(&self, name: &str) -> String {
        if self.yaml.starts_with("apiVersion") {
            return self.yaml.replace("NAME", name);
        }
        let filled =
            [("organization:", "organization: {id: org_12345}"), ("policy:", "policy: {policySource: APPLICATION}")];
        let missing = filled.iter().filter(|(field, _)| !self.yaml.lines().any(|line| line.starts_with(field)));
        let lines = self.yaml.lines().chain(missing.map(|(_, line)| *line)).map(|line| format!("  {line}\n"));
        let kind = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy";
        format!("{kind}\nmetadata: {{name: {name}}}\nspec:\n{}", lines.collect::<String>())
    }

    /// The whole manifest, read.
    pub fn document(&self) -> serde_json::Value {
        serde_yaml::from_str(&self.manifest("row")).unwrap_or_else(|fault| panic!("{}: {fault}", self.about))
    }
}

/// Accepted.
#[rustfmt::skip]
pub const GOOD: &[Row] = &[
    good("the least one can write", "suspend: false"),
    good("everything one can write",
        "organization: {id: org_12345}\n\
         policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: HOURS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 60, idleSessionTimeoutUnit: MINUTES}\n\
         mode: TightenOnly\ndeletionPolicy: Retain\nsuspend: true\ninterval: 10m\n\
         credentialsSecretRef: {name: scalekit}"),
    good("an organization's longest id", "organization: {id: org_0123456789012345678901234567}"),
    good("an organization's shortest id", "organization: {id: org_Z}"),
    good("an external id", "organization: {externalId: tenant-7}"),
    good("an external id that would mean something in a URL", "organization: {externalId: 'a/b?c#d%2e:f ..'}"),
    good("an external id in another script, read from right to left", "organization: {externalId: \"שלום \\u202e ü\"}"),
    good("an external id of 256 characters of two bytes",
        "organization: {externalId: éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé}"),
    good("a null beside the other name", "organization: {externalId: tenant-7, id: null}"),
    good("CUSTOM with an absolute timeout only", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: MINUTES}"),
    good("an hour or more without a unit", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 480, idleSessionTimeoutEnabled: true, idleSessionTimeout: 60}"),
    good("idle explicitly off", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: false}"),
    good("nulls count as absent",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeout: null, idleSessionTimeoutUnit: null}\n\
         mode: null\ninterval: null\ncredentialsSecretRef: null"),
    good("the most DAYS that fit", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1491308, absoluteSessionTimeoutUnit: DAYS}"),
    good("the most HOURS that fit", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 35791394, absoluteSessionTimeoutUnit: HOURS}"),
    good("the most MINUTES that fit, and idle one below",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 2147483647, absoluteSessionTimeoutUnit: MINUTES, idleSessionTimeoutEnabled: true, idleSessionTimeout: 2147483646, idleSessionTimeoutUnit: MINUTES}"),
    good("idle one minute below absolute, in other units",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: DAYS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 1439, idleSessionTimeoutUnit: MINUTES}"),
    good("a larger number in a smaller unit",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 2, absoluteSessionTimeoutUnit: HOURS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 119, idleSessionTimeoutUnit: MINUTES}"),
    good("a whole number with a decimal point", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8.0, absoluteSessionTimeoutUnit: MINUTES}"),
    good("the shortest interval", "interval: 30s"),
    good("the longest interval", "interval: 24h"),
    good("an interval in several units", "interval: 1h30m15s500ms"),
    good("Observe that retains", "mode: Observe\ndeletionPolicy: Retain"),
    good("a Secret with dots in its name", "credentialsSecretRef: {name: scalekit.prod-1}"),
    good("labels and annotations",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n\
         metadata:\n  name: NAME\n  labels: {example.com/team: a_B.c, tier: ''}\n  annotations: {example.com/Note: any text}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}"),
    good("a status, which the server drops",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}\n\
         status: {observedGeneration: 7, organizationId: org_2}"),
];

/// Refused.
#[rustfmt::skip]
pub const BAD: &[Row] = &[
    // whose policy
    bad("no organization", "organization: null", "spec.organization: Required value"),
    bad("an organization without a name", "organization: {}", "exactly one of id and externalId"),
    bad("an organization with both names", "organization: {id: org_1, externalId: a}", "exactly one of id and externalId"),
    bad("an id that climbs", "organization: {id: ../../x}", "spec.organization.id"),
    bad("an id that leaves its place", "organization: {id: org_1/../org_2}", "spec.organization.id"),
    bad("an id with an encoded climb", "organization: {id: '%2e%2e'}", "spec.organization.id"),
    bad("an id with a query", "organization: {id: 'org_1?x'}", "spec.organization.id"),
    bad("an id with a fragment", "organization: {id: 'org_1#'}", "spec.organization.id"),
    bad("an id with a NUL", "organization: {id: \"org_1\\0\"}", "spec.organization.id"),
    bad("an id with a line break at its end", "organization: {id: \"org_1\\n\"}", "spec.organization.id"),
    bad("an id of another alphabet", "organization: {id: org_é}", "spec.organization.id"),
    bad("an id without its prefix", "organization: {id: '12345'}", "spec.organization.id"),
    bad("an id that is only a prefix", "organization: {id: org_}", "spec.organization.id"),
    bad("an id one character too long", "organization: {id: org_01234567890123456789012345678}", "spec.organization.id"),
    bad("an id that is a number", "organization: {id: 12345}", "spec.organization.id"),
    bad("an empty external id", "organization: {externalId: ''}", "spec.organization.externalId"),
    bad("an external id of one dot", "organization: {externalId: .}", "use the id instead"),
    bad("an external id of two dots", "organization: {externalId: ..}", "use the id instead"),
    bad("an external id that adds a header", "organization: {externalId: \"a\\r\\nX-Evil: 1\"}", "spec.organization.externalId"),
    bad("an external id with a control character of Latin-1", "organization: {externalId: \"a\\x85\"}", "spec.organization.externalId"),
    bad("an external id with DEL", "organization: {externalId: \"a\\x7f\"}", "spec.organization.externalId"),
    bad("an external id one character too long",
        "organization: {externalId: ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé}",
        "spec.organization.externalId: Too long"),
    // which policy
    bad("no policy", "policy: null", "spec.policy: Required value"),
    bad("a policy without a source", "policy: {absoluteSessionTimeout: 8}", "spec.policy.policySource: Required value"),
    bad("a source in lower case", "policy: {policySource: custom, absoluteSessionTimeout: 8}", "\"APPLICATION\", \"CUSTOM\""),
    bad("CUSTOM without an absolute timeout", "policy: {policySource: CUSTOM}", "needs an absoluteSessionTimeout"),
    bad("an absolute timeout without its unit", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8}",
        "spec.policy.absoluteSessionTimeoutUnit: Required value: absoluteSessionTimeout needs its unit"),
    bad("an absolute timeout whose unit is null",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: null}",
        "spec.policy.absoluteSessionTimeoutUnit: Required value: absoluteSessionTimeout needs its unit"),
    bad("an idle timeout without its unit",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: HOURS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 30}",
        "spec.policy.idleSessionTimeoutUnit: Required value: idleSessionTimeout needs its unit"),
    bad("an absolute unit without its value", "policy: {policySource: CUSTOM, absoluteSessionTimeoutUnit: HOURS}", "needs an absoluteSessionTimeout"),
    bad("idle on without a timeout",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutEnabled: true}",
        "spec.policy.idleSessionTimeout: Required value: idleSessionTimeoutEnabled: true needs an idleSessionTimeout"),
    bad("an idle timeout while idle is off",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutEnabled: false, idleSessionTimeout: 4}",
        "has no effect without idleSessionTimeoutEnabled: true"),
    bad("an idle timeout without a word on idle",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeout: 4}",
        "has no effect without idleSessionTimeoutEnabled: true"),
    bad("an idle unit without its value",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutUnit: HOURS}",
        "idleSessionTimeoutUnit needs an idleSessionTimeout"),
    bad("idle as long as absolute",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutEnabled: true, idleSessionTimeout: 8}",
        "must be shorter than the absolute timeout"),
    bad("idle as long as absolute, in other units",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, absoluteSessionTimeoutUnit: DAYS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 24, idleSessionTimeoutUnit: HOURS}",
        "must be shorter than the absolute timeout"),
    bad("idle longer than absolute by its unit alone",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 60, idleSessionTimeoutEnabled: true, \
         idleSessionTimeout: 2, idleSessionTimeoutUnit: HOURS}",
        "must be shorter than the absolute timeout"),
    bad("the largest idle against the smallest absolute",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1, idleSessionTimeoutEnabled: true, \
         idleSessionTimeout: 1491308, idleSessionTimeoutUnit: DAYS}",
        "must be shorter than the absolute timeout"),
    bad("an absolute timeout of zero", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 0}", "greater than or equal to 1"),
    bad("a negative absolute timeout", "policy: {policySource: CUSTOM, absoluteSessionTimeout: -1}", "greater than or equal to 1"),
    bad("an idle timeout of zero",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutEnabled: true, idleSessionTimeout: 0}",
        "greater than or equal to 1"),
    bad("one minute more than fits", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 2147483648}", "less than or equal to 2147483647"),
    bad("one hour more than fits",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 35791395, absoluteSessionTimeoutUnit: HOURS}", "35791394 HOURS"),
    bad("one day more than fits",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1491309, absoluteSessionTimeoutUnit: DAYS}", "1491308 DAYS"),
    bad("one day of idle more than fits",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1491308, absoluteSessionTimeoutUnit: DAYS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 1491309, idleSessionTimeoutUnit: DAYS}",
        "spec.policy.idleSessionTimeout: Invalid value"),
    bad("a number that overflows when converted",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 9223372036854775807, absoluteSessionTimeoutUnit: DAYS, \
         idleSessionTimeoutEnabled: true, idleSessionTimeout: 9223372036854775807, idleSessionTimeoutUnit: DAYS}",
        "less than or equal to 2147483647"),
    bad("a number past 64 bits", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 92233720368547758080}", "spec.policy.absoluteSessionTimeout"),
    bad("half a minute", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 1.5}", "must be of type integer"),
    bad("a timeout in quotes", "policy: {policySource: CUSTOM, absoluteSessionTimeout: '8'}", "must be of type integer"),
    bad("a timeout that is not a number", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8h}", "must be of type integer"),
    bad("idle on in quotes",
        "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleSessionTimeoutEnabled: 'true', idleSessionTimeout: 4}",
        "must be of type boolean"),
    bad("a unit in the singular", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, absoluteSessionTimeoutUnit: HOUR}", "\"MINUTES\", \"HOURS\", \"DAYS\""),
    bad("APPLICATION with an absolute timeout", "policy: {policySource: APPLICATION, absoluteSessionTimeout: 8}", "inherits the application's policy"),
    bad("APPLICATION with an absolute unit", "policy: {policySource: APPLICATION, absoluteSessionTimeoutUnit: HOURS}", "absoluteSessionTimeoutUnit: Forbidden"),
    bad("APPLICATION with idle off", "policy: {policySource: APPLICATION, idleSessionTimeoutEnabled: false}", "idleSessionTimeoutEnabled: Forbidden"),
    bad("APPLICATION with an idle timeout", "policy: {policySource: APPLICATION, idleSessionTimeout: 8}", "idleSessionTimeout: Forbidden"),
    bad("APPLICATION with an idle unit", "policy: {policySource: APPLICATION, idleSessionTimeoutUnit: HOURS}", "idleSessionTimeoutUnit: Forbidden"),
    // the rest of the spec
    bad("an unknown mode", "mode: Enforced", "\"Enforce\", \"TightenOnly\", \"Observe\""),
    bad("an unknown deletion policy", "deletionPolicy: Delete", "\"Revert\", \"Retain\""),
    bad("suspend as a word", "suspend: 'no'", "must be of type boolean"),
    bad("an interval without a unit", "interval: '10'", "from 30s to 24h"),
    bad("an interval that is a number", "interval: 10", "must be of type string"),
    bad("an empty interval", "interval: ''", "from 30s to 24h"),
    bad("an interval too short", "interval: 29s", "from 30s to 24h"),
    bad("an interval too long", "interval: 24h1s", "from 30s to 24h"),
    bad("an interval in days", "interval: 1d", "from 30s to 24h"),
    bad("a negative interval", "interval: -10m", "from 30s to 24h"),
    bad("an interval with a fraction", "interval: 1.5h", "from 30s to 24h"),
    bad("an interval that overflows", "interval: 999999999999999999999h", "from 30s to 24h"),
    bad("a Secret without a name", "credentialsSecretRef: {}", "spec.credentialsSecretRef.name: Required value"),
    bad("a Secret with an empty name", "credentialsSecretRef: {name: ''}", "spec.credentialsSecretRef.name"),
    bad("a Secret elsewhere by its path", "credentialsSecretRef: {name: ../other/scalekit}", "spec.credentialsSecretRef.name"),
    bad("a Secret in another namespace", "credentialsSecretRef: {name: scalekit, namespace: other}", "unknown field \"spec.credentialsSecretRef.namespace\""),
    bad("the old snake case", "deletion_policy: Retain", "unknown field \"spec.deletion_policy\""),
    bad("a misspelt policy field", "policy: {policySource: CUSTOM, absoluteSessionTimeout: 8, idleTimeout: 3}", "unknown field \"spec.policy.idleTimeout\""),
    // the document around it
    bad("no spec", "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}", "spec: Required value"),
    bad("a spec that is a list",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}\nspec: []", "spec"),
    bad("a misspelt spec",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}\n\
         sepc: {}\nspec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}", "unknown field \"sepc\""),
    bad("a name in upper case",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: Acme}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}", "metadata.name"),
    bad("a misspelt namespace",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME, namspace: a}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}", "unknown field \"metadata.namspace\""),
    bad("a label with a space in its value",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME, labels: {a: b c}}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}", "metadata.labels"),
    bad("an unknown field of the status",
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}\nstatus: {unseen: 1}",
        "unknown field \"status.unseen\""),
    bad("another version",
        "apiVersion: scalekit.com/v1\nkind: OrganizationSessionPolicy\nmetadata: {name: NAME}\n\
         spec: {organization: {id: org_1}, policy: {policySource: APPLICATION}}", "no matches for kind"),
];
