//! `osp explain`: a resource in words, from what is declared to what to do.

mod conditions;
mod facts;
mod future;

use super::{
    Cluster, CommandOutput, Exit, Output, VerbResult, age,
    cluster::{Connection, Hint},
    summary::{Severity, Summary},
};
use crate::{
    crd::OrganizationSessionPolicy,
    reconcile::{ConditionStatus, Reason},
    terminal::{Style, printable},
};
use clap::Args;
use jiff::Timestamp;

/// A resource in words. Exit 0 when it is Ready, 2 when it is not.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The resource
    name: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let cluster = Cluster::connect(&arguments.connection).await?;
    let resource = cluster.get(&arguments.name).await?;
    let owner = match Summary::of(&resource).ready().reason == Reason::Conflict.name() {
        true => owner(&cluster, &resource).await,
        false => None,
    };
    Ok(text(&resource, owner.as_deref(), &Hint::new(program, &arguments.connection), output, now))
}

/// The resource that owns the organization of `conflicted`, as far as whoever asks
/// may look: the loser's own status names it only inside its namespace.
async fn owner(cluster: &Cluster, conflicted: &OrganizationSessionPolicy) -> Option<String> {
    let all = match cluster.list(true).await {
        Ok(all) => all,
        Err(_) => cluster.list(false).await.ok()?,
    };
    let organization = |resource: &OrganizationSessionPolicy| {
        let status = resource.status.as_ref()?;
        Some((status.environment.clone()?, status.organization_id.clone()?))
    };
    let contested = organization(conflicted)?;
    let claimants = all.iter().filter_map(|object| object.0.as_ref().ok()).filter(|resource| {
        resource.metadata.uid != conflicted.metadata.uid
            && organization(resource).as_ref() == Some(&contested)
            && Summary::of(resource).ready().reason != Reason::Conflict.name()
    });
    // of several the oldest owns it
    let owner = claimants
        .map(Summary::of)
        .min_by_key(|claimant| (claimant.created(), claimant.namespace(), claimant.name()))?;
    Some(format!("{} in namespace {}", owner.name(), owner.namespace()))
}

fn text(
    resource: &OrganizationSessionPolicy,
    owner: Option<&str>,
    hint: &Hint,
    output: &Output,
    now: Timestamp,
) -> CommandOutput {
    let summary = Summary::of(resource);
    let ready = summary.ready();
    let style = match summary.severity() {
        Severity::Healthy => Style::Good,
        Severity::Failed => Style::Bad,
        _ => Style::Doubtful,
    };
    let says = match ready.status {
        ConditionStatus::True => "is Ready",
        ConditionStatus::False => "is not Ready",
        ConditionStatus::Unknown => "may or may not be Ready",
    };
    let deleted = match summary.deleted() {
        Some(at) => format!(", being deleted for {}", age::span(at, now)),
        None => String::new(),
    };
    let head = format!("{} {says}: {}{deleted}", summary.name(), ready.reason);
    let mut text = format!("{}\n", output.paint(&printable(&head), style));
    text.push_str(&facts::text(resource, output));
    text.push_str(&conditions::text(&summary, owner, output, now));
    text.push_str(&future::text(resource, hint, output, now));
    CommandOutput { text, exit: if summary.is_ready() { Exit::Success } else { Exit::Findings } }
}
