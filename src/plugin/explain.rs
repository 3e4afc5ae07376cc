//! `osp explain`: a resource in words, from what is declared to what to do.

mod conditions;
mod facts;
mod future;

use super::{
    Answer, Cluster, End, Failure, Output, age,
    cluster::{Connection, Hint},
    standing::{Need, Standing},
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

pub(super) async fn run(
    arguments: &Arguments,
    called: &str,
    output: &Output,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let cluster = Cluster::connect(&arguments.connection).await?;
    let resource = cluster.get(&arguments.name).await?;
    let owner = match Standing::of(&resource).ready().reason == Reason::Conflict.name() {
        true => owner(&cluster, &resource).await,
        false => None,
    };
    Ok(text(&resource, owner.as_deref(), &Hint::new(called, &arguments.connection), output, now))
}

/// The resource that owns the organization of `loser`, as far as whoever asks
/// may look: the loser's own status names it only inside its namespace.
async fn owner(cluster: &Cluster, loser: &OrganizationSessionPolicy) -> Option<String> {
    let all = match cluster.list(true).await {
        Ok(all) => all,
        Err(_) => cluster.list(false).await.ok()?,
    };
    let organization = |resource: &OrganizationSessionPolicy| {
        let status = resource.status.as_ref()?;
        Some((status.environment.clone()?, status.organization_id.clone()?))
    };
    let contested = organization(loser)?;
    let rivals = all.iter().filter_map(|object| object.0.as_ref().ok()).filter(|resource| {
        resource.metadata.uid != loser.metadata.uid
            && organization(resource).as_ref() == Some(&contested)
            && Standing::of(resource).ready().reason != Reason::Conflict.name()
    });
    // of several the oldest owns it
    let owner = rivals.map(Standing::of).min_by_key(|rival| (rival.created(), rival.namespace(), rival.name()))?;
    Some(format!("{} in namespace {}", owner.name(), owner.namespace()))
}

fn text(
    resource: &OrganizationSessionPolicy,
    owner: Option<&str>,
    hint: &Hint,
    output: &Output,
    now: Timestamp,
) -> Answer {
    let standing = Standing::of(resource);
    let ready = standing.ready();
    let style = match standing.need() {
        Need::Nothing => Style::Good,
        Need::Somebody => Style::Bad,
        _ => Style::Doubtful,
    };
    let says = match ready.truth {
        ConditionStatus::True => "is Ready",
        ConditionStatus::False => "is not Ready",
        ConditionStatus::Unknown => "may or may not be Ready",
    };
    let deleted = match standing.deleted() {
        Some(at) => format!(", being deleted for {}", age::span(at, now)),
        None => String::new(),
    };
    let head = format!("{} {says}: {}{deleted}", standing.name(), ready.reason);
    let mut text = format!("{}\n", output.paint(&printable(&head), style));
    text.push_str(&facts::text(resource, output));
    text.push_str(&conditions::text(&standing, owner, output, now));
    text.push_str(&future::text(resource, hint, output, now));
    Answer { text, end: if standing.is_ready() { End::Fine } else { End::NotFine } }
}
