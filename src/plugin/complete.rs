//! Completes a command line for a shell: verbs and flags, and the names of resources and namespaces,
//! which are read from the cluster. Whatever fails, there is nothing to choose from.

use super::{
    Verb,
    cluster::{Cluster, Connection},
};
use clap::{Arg, Command, Parser, Subcommand};
use kube::Resource;

/// The arguments that say which cluster and namespace are meant.
const PLACE: [&str; 7] = ["-n", "--namespace", "--context", "--cluster", "--user", "--as", "--kubeconfig"];
/// A shell waits.
const TIMEOUT: &str = "--request-timeout=2s";

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Place {
    #[command(flatten)]
    connection: Connection,
}

/// What the last of `words`, which may be empty, can become.
pub async fn complete(command: &Command, words: &[String]) -> Vec<String> {
    let Some((begun, before)) = words.split_last() else { return Vec::new() };
    let verb = before.iter().find_map(|word| command.find_subcommand(word));
    let found = match (verb, before.last().map(String::as_str)) {
        (_, Some("-n" | "--namespace")) => namespaces(before).await,
        (None, _) => verbs(command),
        (Some(verb), _) if begun.starts_with('-') => flags(verb),
        (Some(verb), _) if Verb::has_subcommand(verb.get_name()) => names(before).await,
        _ => Vec::new(),
    };
    found.into_iter().filter(|word| word.starts_with(begun.as_str())).collect()
}

fn verbs(command: &Command) -> Vec<String> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect()
}

fn flags(verb: &Command) -> Vec<String> {
    let shown = verb.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(Arg::get_long).map(|long| format!("--{long}")).collect()
}

async fn names(before: &[String]) -> Vec<String> {
    let Some(cluster) = cluster(before).await else { return Vec::new() };
    let all = cluster.list(false, None).await.unwrap_or_default();
    all.iter().filter_map(|object| object.meta().name.clone()).collect()
}

async fn namespaces(before: &[String]) -> Vec<String> {
    match cluster(before).await {
        Some(cluster) => cluster.namespaces().await.unwrap_or_default(),
        None => Vec::new(),
    }
}

async fn cluster(before: &[String]) -> Option<Cluster> {
    let mut given = vec![TIMEOUT];
    for (n, word) in before.iter().enumerate() {
        let value = before.get(n + 1).filter(|_| PLACE.contains(&word.as_str()));
        if let Some(value) = value {
            given.extend([word, value.as_str()]);
        } else if PLACE.iter().any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            given.push(word);
        }
    }
    Cluster::connect(&Place::try_parse_from(given).ok()?.connection, "osp").await.ok()
}
