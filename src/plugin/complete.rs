//! Completes a command line for a shell: verbs, flags and their values, the names of resources and namespaces, which are
//! read from the cluster, and those of the kubeconfig. Whatever fails, there is nothing to choose from.

use super::{
    Verb,
    cluster::{Cluster, Connection},
};
use crate::apiserver::Names;
use clap::{Arg, Command, Parser, Subcommand, ValueHint};
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

/// What the last word of a command line can become.
#[derive(Debug, Default)]
pub struct Completion {
    /// What there is to choose from.
    pub words: Vec<String>,
    /// Whether it can be the name of a file, too.
    pub files: bool,
}

/// What the last of `words`, which may be empty, can become. Of `--flag=value` it is the value alone, as shells and
/// kubectl expect it.
pub async fn complete(command: &Command, words: &[String]) -> Completion {
    let words = joined(words);
    let Some((last, before)) = words.split_last() else { return Completion::default() };
    let verb = before.iter().find_map(|word| command.find_subcommand(word));
    let (flag, begun) = match last.split_once('=').filter(|(flag, _)| flag.starts_with('-')) {
        Some((flag, value)) => (Some(flag), value),
        None => (before.last().map(String::as_str), last.as_str()),
    };
    let is_equal = begun.len() < last.len();
    let known = |verb: &Command| flag.and_then(|flag| flagged(verb, flag, is_equal).cloned());
    let value_of = match verb {
        Some(verb) => known(verb),
        None => command.get_subcommands().find_map(known),
    };
    let found = match (&value_of, verb) {
        (Some(argument), _) => match argument.get_id().as_str() {
            "namespace" => namespaces(before).await,
            "context" => named(before).contexts,
            "cluster" => named(before).clusters,
            "user" => named(before).users,
            _ => values(argument),
        },
        (None, None) => verbs(command),
        (None, Some(verb)) if begun.starts_with('-') => flags(verb),
        (None, Some(verb)) if Verb::has_subcommand(verb.get_name()) => names(before, begun).await,
        (None, Some(verb)) if verb.get_positionals().any(|argument| argument.get_id() == "verb") => verbs(command),
        (None, Some(verb)) => verb.get_positionals().flat_map(values).collect(),
    };
    let files = match (&value_of, verb) {
        (Some(argument), _) => is_path(argument),
        (None, verb) => verb.is_some_and(|verb| verb.get_positionals().any(is_path)),
    };
    Completion { words: found.into_iter().filter(|word| word.starts_with(begun)).collect(), files }
}

/// The words as they were typed: bash takes `--flag=value` for three.
fn joined(words: &[String]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for word in words {
        match whole.last_mut() {
            Some(before) if *word == "=" || (before.ends_with('=') && before.len() > 1) => before.push_str(word),
            _ => whole.push(word.clone()),
        }
    }
    whole
}

/// The argument of `verb` whose value comes behind this flag: behind a `=`, or as the next word.
fn flagged<'a>(verb: &'a Command, flag: &str, is_equal: bool) -> Option<&'a Arg> {
    let (long, short) = (flag.strip_prefix("--"), flag.strip_prefix('-'));
    let is_meant = |arg: &&Arg| {
        let mut longs = arg.get_long().into_iter().chain(arg.get_all_aliases().into_iter().flatten());
        long.is_some_and(|name| longs.any(|long| long == name))
            || short.is_some_and(|name| arg.get_short().is_some_and(|short| name.chars().eq([short])))
    };
    let takes_it = |arg: &&Arg| arg.get_action().takes_values() && (is_equal || !arg.is_require_equals_set());
    verb.get_arguments().find(is_meant).filter(takes_it)
}

fn values(argument: &Arg) -> Vec<String> {
    let shown = argument.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    shown.map(|value| value.get_name().to_owned()).collect()
}

fn is_path(argument: &Arg) -> bool {
    matches!(argument.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath)
}

fn verbs(command: &Command) -> Vec<String> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect()
}

fn flags(verb: &Command) -> Vec<String> {
    let shown = verb.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(Arg::get_long).map(|long| format!("--{long}")).collect()
}

/// The names, behind the `osp/` with which `begun` may begin.
async fn names(before: &[String], begun: &str) -> Vec<String> {
    let kind = begun.rsplit_once('/').map(|(kind, _)| format!("{kind}/")).unwrap_or_default();
    let Some(cluster) = cluster(before).await else { return Vec::new() };
    let all = cluster.list(false, None).await.unwrap_or_default();
    all.iter().filter_map(|object| Some(format!("{kind}{}", object.meta().name.as_ref()?))).collect()
}

async fn namespaces(before: &[String]) -> Vec<String> {
    match cluster(before).await {
        Some(cluster) => cluster.namespaces().await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// What the kubeconfig names.
fn named(before: &[String]) -> Names {
    connection(before).map(|connection| connection.selection().names()).unwrap_or_default()
}

async fn cluster(before: &[String]) -> Option<Cluster> {
    Cluster::connect(&connection(before)?, "osp").await.ok()
}

/// The flags among the words that say which cluster is meant.
fn connection(before: &[String]) -> Option<Connection> {
    let mut given = vec![TIMEOUT];
    for (n, word) in before.iter().enumerate() {
        let value = before.get(n + 1).filter(|value| PLACE.contains(&word.as_str()) && !value.is_empty());
        if let Some(value) = value {
            given.extend([word, value.as_str()]);
        } else if PLACE.iter().any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
            given.push(word);
        }
    }
    Some(Place::try_parse_from(given).ok()?.connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_with_its_value_is_one_word_however_the_shell_splits_it() {
        for (split, whole) in [
            (&["status", "--namespace", "=", "cu"][..], &["status", "--namespace=cu"][..]),
            (&["status", "--namespace", "="], &["status", "--namespace="]),
            (&["status", "--namespace=", "cu"], &["status", "--namespace=cu"]),
            (&["status", "-l", "team", "=", "core", ""], &["status", "-l", "team=core", ""]),
            (&["status", "-n", "a", ""], &["status", "-n", "a", ""]),
        ] {
            let split: Vec<String> = split.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(joined(&split), whole);
        }
    }
}
