//! `osp version`: of this program, of the operators of the cluster, and of the definition.

use super::{
    age,
    cluster::{Cluster, Connection},
    failure::Failure,
    operators::Operators,
    output::{CommandOutput, VerbResult, json as pretty},
};
use crate::{
    crd::GROUP,
    terminal::{Exit, Format, Output, print, yaml},
};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The versions of osp, of the operators that the Leases show, and of the definition.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Of osp only, without a cluster
    #[arg(long)]
    client: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output) -> VerbResult {
    let now = Timestamp::now();
    let shown = |value: &Value| match arguments.output {
        Format::Json => pretty(value),
        Format::Yaml => yaml(value),
        Format::Text => text(value, output, now),
    };
    let client = json!({"client": {"version": VERSION}});
    if arguments.client {
        return Ok(CommandOutput { text: shown(&client), exit: Exit::Success });
    }
    match of_cluster(&arguments.connection, program, now).await {
        Ok(value) => Ok(CommandOutput { text: shown(&value), exit: Exit::Success }),
        Err(why) => {
            // what is known without a cluster is printed, as kubectl does; a closed pipe is no second error
            drop(print(|out| out.write_all(shown(&client).as_bytes())));
            Err(why)
        }
    }
}

async fn of_cluster(connection: &Connection, program: &str, now: Timestamp) -> Result<Value, Failure> {
    let cluster = Cluster::connect(connection, program).await?;
    Ok(versions(&cluster, &Operators::read(&cluster, None).await?, now).await)
}

/// The versions, for programs; what can't be read is `null`.
pub(crate) async fn versions(cluster: &Cluster, operators: &Operators, now: Timestamp) -> Value {
    let server = cluster.send("get", true, cluster.client.apiserver_version()).await.ok().flatten();
    let groups = cluster.send("get", true, cluster.client.list_api_groups()).await.ok().flatten();
    let definition = groups.map(|groups| {
        let versions = groups.groups.into_iter().filter(|group| group.name == GROUP).flat_map(|group| group.versions);
        versions.map(|version| version.version).collect::<Vec<_>>()
    });
    json!({
        "client": {"version": VERSION},
        "operators": operators.json(None, now),
        "definition": definition.map(|versions| json!({"group": GROUP, "versions": versions})),
        "kubernetes": server.map(|server| json!({"version": server.git_version})),
    })
}

fn text(value: &Value, output: &Output, now: Timestamp) -> String {
    let line = |label: &str, text: &str| output.paragraph(&format!("{label:12}"), text);
    let version = |part: &str| of(value.get(part).unwrap_or(&Value::Null), "version");
    let mut text = line("Client", &version("client"));
    let Some(operators) = value.get("operators") else { return text };
    match operators.as_array() {
        None => text += &line("Operator", "not known: you may not list Leases"),
        Some(all) if all.is_empty() => text += &line("Operator", "none has a Lease"),
        Some(all) => all.iter().for_each(|operator| text += &line("Operator", &of_operator(operator, now))),
    }
    let served = value.get("definition").and_then(|definition| definition.get("versions")?.as_array());
    let served = served.map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    let served = served.map(|all| if all.is_empty() { "not installed".to_owned() } else { all });
    text += &line("Definition", served.as_deref().unwrap_or("not known"));
    text + &line("Kubernetes", &version("kubernetes"))
}

fn of_operator(operator: &Value, now: Timestamp) -> String {
    let seen = operator.get("lastSeen").and_then(Value::as_str).and_then(|at| at.parse().ok());
    let seen = seen.map_or("never".to_owned(), |at: Timestamp| format!("{} ago", age::span(at, now)));
    let gone = if operator.get("alive") == Some(&Value::Bool(true)) { "" } else { "not running, " };
    let [version, namespace, lease] = ["version", "namespace", "lease"].map(|key| of(operator, key));
    format!("{version} ({namespace}/{lease}, {gone}last seen {seen})")
}

fn of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or("not known").to_owned()
}
