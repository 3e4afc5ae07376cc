//! `osp suspend` and `osp resume`: set `spec.suspend`, and warn if a GitOps tool will set it back.

use super::{
    cluster::{Cluster, ResourceArguments},
    delivery::Delivery,
    output::{CommandOutput, VerbResult},
    summary::Summary,
};
use crate::{
    crd::{OrganizationSessionPolicy, SUSPEND_REASON},
    terminal::{Exit, Output},
};
use clap::Args;
use serde_json::json;

/// `osp suspend`
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    resource: ResourceArguments,
    /// Why, for whoever reads `osp explain`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// The field manager of `spec.suspend`. Flux removes fields whose manager's name begins with
/// `kubectl`, so this one does not.
const MANAGER: &str = "osp";

pub(super) async fn suspend(arguments: &Arguments, program: &str, output: &Output) -> VerbResult {
    let reason = arguments.reason.as_deref();
    arguments.resource.each(program, async |cluster, resource| set(cluster, resource, true, reason, output).await).await
}

pub(super) async fn resume(named: &ResourceArguments, program: &str, output: &Output) -> VerbResult {
    named.each(program, async |cluster, resource| set(cluster, resource, false, None, output).await).await
}

async fn set(
    cluster: &Cluster,
    resource: &OrganizationSessionPolicy,
    suspend: bool,
    reason: Option<&str>,
    output: &Output,
) -> VerbResult {
    let summary = Summary::of(resource);
    let name = summary.name();
    let already = summary.is_suspended() == suspend;
    if !already || reason.is_some() {
        // a reason that is not given, or of a suspension that is over, goes
        let annotations = json!({SUSPEND_REASON: reason});
        let merge = json!({"metadata": {"annotations": annotations}, "spec": {"suspend": suspend}});
        cluster.patch(name, MANAGER, &merge).await?;
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
