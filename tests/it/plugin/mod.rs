//! The verbs of `osp` that read a cluster: the real binary, on the real API
//! server, with what the real operator reports.

mod acting;
mod beside_apply;
mod bundle;
mod checking;
mod errors;
mod kubeconfig;
mod operators;
mod pictures;
mod states;
mod terminal;
mod typed;
mod with_flux;
mod with_kubectl;

use crate::{
    canary,
    cluster::{Cluster, cluster},
    world::{EIGHT_HOURS, World},
};
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};

/// What a command printed, and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    /// No output of any verb may hold a secret.
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        for text in [&said.out, &said.err] {
            canary::assert_none("the output", text);
            assert!(!text.contains("SECRET=") && !text.contains("Bearer"), "{text}");
        }
        said
    }
}

impl Said {
    /// The lines of the output, blanks between words taken together.
    fn lines(&self) -> Vec<String> {
        self.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The output of a verb whose JSON has no schema.
    fn plain_json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The output, which is as its schema says.
    fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.out).unwrap();
        crate::schemas::assert_described(if value.get("items").is_some() { "status" } else { "diff" }, &value);
        value
    }
}

/// `osp` as this user, on a page of this many columns; `None`: in a pipe.
fn command(on: &Cluster, user: &str, columns: Option<u16>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osp"));
    command.env("KUBECONFIG", on.kubeconfig(user)).env_remove("COLUMNS").env_remove("NO_COLOR").stdin(Stdio::null());
    if let Some(columns) = columns {
        command.env("COLUMNS", columns.to_string());
    }
    command
}

/// Runs a verb in a world's namespace, as an administrator.
fn osp(world: &World, arguments: &[&str]) -> Said {
    let mut command = command(&world.cluster, "admin", None);
    command.args(arguments).args(["-n", &world.namespace]).output().unwrap().into()
}

fn org(id: &str, rest: &str) -> String {
    format!("{{organization: {{id: {id}}}, policy: {EIGHT_HOURS}{rest}}}")
}

/// Customers in most of the states that there are, each named for its own, in a
/// namespace of its own.
async fn customers() -> World {
    customers_in(None).await
}

/// The same in a namespace of this name.
async fn customers_in(namespace: Option<&str>) -> World {
    let mut world = World::without_operator(json!({})).await;
    if let Some(namespace) = namespace {
        cluster().ok(&["create", "namespace", namespace]);
        world.cluster.grant_lease(namespace);
        world.namespace = namespace.to_owned();
    }
    for _ in 0..2 {
        world.admin("POST", "organizations", &json!({}));
    }
    let ten_hours = json!({"source": "CUSTOM", "absolute_minutes": 600, "idle_enabled": true, "idle_minutes": 30});
    world.edit("org_2", &json!({"policy": ten_hours}));
    world.start_operator();
    world.apply_secret("scalekit-old", "test_simulator");
    world.apply("acme", &org("org_1", ""));
    world.apply("leaving", &org("org_5", ", credentialsSecretRef: {name: scalekit-old}"));
    world.until("leaving", "True", "InSync");
    world.until("acme", "True", "InSync");
    world.kubectl(&["delete", "secret", "scalekit-old"]);
    world.kubectl(&["delete", "osp", "leaving", "--wait=false"]);

    world.apply("acme-copy", &org("org_1", ""));
    world.apply("asleep", &org("org_3", ", suspend: true"));
    world.apply("keyless", &org("org_3", ", credentialsSecretRef: {name: scalekit-new}"));
    world.apply("watched", &org("org_2", ", mode: Observe"));
    let two_weeks = "policy: {policySource: CUSTOM, absoluteSessionTimeout: 14, absoluteSessionTimeoutUnit: DAYS}";
    world.apply("loose", &format!("{{organization: {{id: org_4}}, {two_weeks}}}"));
    for (name, status, reason) in [
        ("leaving", "False", "CredentialsMissing"),
        ("acme-copy", "False", "Conflict"),
        ("asleep", "Unknown", "Suspended"),
        ("keyless", "False", "CredentialsMissing"),
        ("watched", "True", "Observing"),
        ("loose", "True", "InSync"),
    ] {
        world.until(name, status, reason);
    }
    world
}
