//! `osp explain`: describes one resource in sentences: the declared and the live policy, what applies
//! to sessions, each condition that needs attention and what to do, and what the operator does next.

mod conditions;
mod facts;
pub(super) mod future;

use super::{
    age,
    cluster::{Cluster, Hint},
    delivery::Delivery,
    operators::{Operators, namespace_of},
    output::{CommandOutput, VerbResult},
    selected::ResourceArguments,
    summary::{Severity, Summary},
};
use crate::{
    crd::{FINALIZER, OrganizationSessionPolicy},
    policy::OrganizationId,
    reconcile::{self, Claim, ClaimKey, ClaimState, Claimant, ConditionStatus, Reason},
    terminal::{Exit, Output, Style, printable},
};
use future::Keeper;
use jiff::Timestamp;
use kube::ResourceExt;

pub(super) async fn run(named: &ResourceArguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let explained = async |cluster: &Cluster, operators: &Operators, resource: &OrganizationSessionPolicy| {
        let owner = match Summary::of(resource).ready().reason == Reason::Conflict.name() {
            true => owner(cluster, resource).await,
            false => None,
        };
        let namespaces = namespace_of(resource);
        let kept = operators.exit(&namespaces) == Exit::Success;
        let keeper = Keeper { kept, interval: operators.interval(&namespaces) };
        let mut explained = text(resource, owner.as_deref(), keeper, &cluster.hint, output, now);
        let missing = operators.missing_text(&namespaces, output, Timestamp::now());
        if !missing.is_empty() {
            explained.text += &format!("\n{missing}");
        }
        Ok(explained)
    };
    named.each_kept(program, explained).await
}

/// Finds the owner of the organization that `conflicted` claims too. Searches all namespaces, or only
/// this one if the user may not list all. The status does not name an owner in another namespace.
async fn owner(cluster: &Cluster, conflicted: &OrganizationSessionPolicy) -> Option<String> {
    let contested = [verified(conflicted)?];
    let all = match cluster.list(true, None).await {
        Ok(all) => all,
        Err(_) => cluster.list(false, None).await.ok()?,
    };
    let others = all.iter().filter_map(|object| object.0.as_ref().ok());
    let others = others.filter(|other| other.metadata.uid != conflicted.metadata.uid).map(claimant);
    let claimants: Vec<Claimant> = others.filter(|other| other.claims(&contested)).collect();
    reconcile::owner(&claimants).map(|owner| format!("{} in namespace {}", owner.name, owner.namespace))
}

/// A resource as the decision about ownership sees it, by its status alone.
fn claimant(resource: &OrganizationSessionPolicy) -> Claimant {
    let finalizer = resource.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    let claim = resource.status.as_ref().and_then(|status| status.claim.as_deref()?.parse::<ClaimState>().ok());
    let claim = claim.filter(|claim| claim.counts(resource.metadata.deletion_timestamp.is_some(), finalizer));
    Claimant {
        created: resource.creation_timestamp().map_or(Timestamp::MAX, |time| time.0),
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
        uid: resource.uid().unwrap_or_default(),
        claim: Claim {
            keys: verified(resource).into_iter().collect(),
            counts: claim.is_some(),
            reverting: claim == Some(ClaimState::Reverting),
            ..Claim::default()
        },
        reconciled: true,
        lapsed: false,
        just_in_sync: false,
        host: None,
        served: true,
    }
}

/// Where the claim is found that the status of a resource states.
fn verified(resource: &OrganizationSessionPolicy) -> Option<ClaimKey> {
    let status = resource.status.as_ref()?;
    let organization = OrganizationId::parse(status.organization_id.as_deref()?)?;
    let environment = status.issuer.as_ref().or(status.environment.as_ref())?.clone();
    Some(ClaimKey::Verified { environment: environment.into(), organization })
}

fn text(
    resource: &OrganizationSessionPolicy,
    owner: Option<&str>,
    keeper: Keeper,
    hint: &Hint,
    output: &Output,
    now: Timestamp,
) -> CommandOutput {
    let (summary, kept) = (Summary::of(resource), keeper.kept);
    let ready = summary.ready();
    let style = match summary.severity() {
        Severity::Healthy if kept => Style::Good,
        Severity::Failed => Style::Bad,
        _ => Style::Warning,
    };
    let says = match ready.status {
        ConditionStatus::True if kept => "is Ready",
        ConditionStatus::True => "was Ready",
        ConditionStatus::False => "is not Ready",
        ConditionStatus::Unknown => "may or may not be Ready",
    };
    let deleted = match summary.deleted() {
        Some(at) => format!(", being deleted for {}", age::span(at, now)),
        None => String::new(),
    };
    let head = format!("{} {says}: {}{deleted}", summary.name(), ready.reason);
    let mut text = format!("{}\n", output.paint(&printable(&head), style));
    text.push_str(&facts::text(&summary, Delivery::of(resource), output));
    text.push_str(&conditions::text(&summary, owner, output, now));
    text.push_str(&future::text(&summary, keeper, hint, output, now));
    CommandOutput { text, exit: if kept { summary.exit() } else { Exit::NotAsDeclared } }
}
