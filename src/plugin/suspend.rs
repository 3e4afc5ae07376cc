//! `osp suspend` and `osp resume`: set `spec.suspend`, and warn if a GitOps tool will set it back.

use super::{
    cluster::{Cluster, ResourceArguments},
    delivery::Delivery,
    output::{CommandOutput, VerbResult},
    summary::Summary,
};
use crate::{
    crd::OrganizationSessionPolicy,
    terminal::{Exit, Output},
};
use serde_json::json;

/// The field manager of `spec.suspend`. Flux removes fields whose manager's name begins with
/// `kubectl`, so this one does not.
const MANAGER: &str = "osp";

pub(super) async fn run(named: &ResourceArguments, suspend: bool, program: &str, output: &Output) -> VerbResult {
    named.each(program, async |cluster, resource| set(cluster, resource, suspend, output).await).await
}

async fn set(cluster: &Cluster, resource: &OrganizationSessionPolicy, suspend: bool, output: &Output) -> VerbResult {
    let summary = Summary::of(resource);
    let name = summary.name();
    let already = summary.is_suspended() == suspend;
    if !already {
        cluster.patch(name, MANAGER, &json!({"spec": {"suspend": suspend}})).await?;
    }
    let place = format!("{name} in namespace {}", cluster.namespace);
    let hint = |verb| cluster.hint.to(verb, name);
    let done = match (already, suspend) {
        (true, true) => format!("{place} is suspended already."),
        (true, false) => format!("{place} is not suspended."),
        (false, true) => format!("{place} is suspended: nothing is read or written until `{}`.", hint("resume")),
        (false, false) => format!("{place} is resumed; `{}` shows its status.", hint("status")),
    };
    let mut text = output.paragraph("", &done);
    if suspend && summary.deleted().is_some() {
        text.push_str(&output.paragraph("", "It is being deleted, and a deletion goes on while suspended."));
    }
    if let Some(delivery) = Delivery::of(resource).filter(|_| !already) {
        let warning = format!("{delivery} delivers it: where Git declares spec.suspend, that wins at its next sync.");
        text.push_str(&output.paragraph("", &warning));
    }
    Ok(CommandOutput { text, exit: Exit::Success })
}
