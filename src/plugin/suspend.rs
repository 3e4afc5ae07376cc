//! `osp suspend` and `osp resume`: set `spec.suspend`, and warn if a GitOps tool will set it back. With an end it is
//! an annotation, which such tools leave alone.

use super::{
    cluster::Cluster,
    delivery::Delivery,
    output::{CommandOutput, VerbResult},
    selected::ResourceArguments,
    summary::Summary,
};
use crate::{
    crd::{self, OrganizationSessionPolicy, SUSPEND_REASON, SUSPENDED_UNTIL},
    terminal::{Exit, Output},
};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

/// `osp suspend`
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) resource: ResourceArguments,
    /// Why, for whoever reads `osp explain`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long, for example 2h or 3d; then the operator goes on by itself
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
}

/// The end is in whole seconds, so a shorter time is none.
fn time(text: &str) -> Result<Duration, String> {
    let time = crd::duration_or_days(text).ok().filter(|time| *time >= Duration::from_secs(1));
    time.ok_or_else(|| "write a duration such as 90m, 2h or 3d".to_owned())
}

/// The field manager of `spec.suspend`. Flux removes fields whose manager's name begins with
/// `kubectl`, so this one does not.
const MANAGER: &str = "osp";

pub(super) async fn suspend(arguments: &Arguments, program: &str, output: &Output) -> VerbResult {
    let now = Timestamp::now();
    // in whole seconds, as Kubernetes writes times; what no calendar has is the end of it
    let end = |time| now.checked_add(time).unwrap_or(Timestamp::MAX);
    let until = arguments.time.map(end).map(|until| Timestamp::from_second(until.as_second()).unwrap_or(until));
    let change = Change { suspend: true, until, reason: arguments.reason.as_deref() };
    arguments.resource.each(program, async |cluster, resource| set(cluster, resource, &change, output).await).await
}

pub(super) async fn resume(named: &ResourceArguments, program: &str, output: &Output) -> VerbResult {
    let change = Change { suspend: false, until: None, reason: None };
    named.each(program, async |cluster, resource| set(cluster, resource, &change, output).await).await
}

/// What is wanted of `spec.suspend` and the annotations.
struct Change<'a> {
    suspend: bool,
    until: Option<Timestamp>,
    reason: Option<&'a str>,
}

async fn set(
    cluster: &Cluster,
    resource: &OrganizationSessionPolicy,
    &Change { suspend, until, reason }: &Change<'_>,
    output: &Output,
) -> VerbResult {
    let summary = Summary::of(resource);
    let name = summary.name();
    // an annotation that names no time goes too: the operator does nothing for as long as it is there
    let already = summary.is_suspended() == suspend
        && until.is_none()
        && summary.suspended_until().is_none()
        && !summary.suspended_until_no_time();
    // Git may declare the field, so it is written only where it says otherwise
    let field = suspend && until.is_none();
    let writes_field = resource.spec.suspend != field;
    if !already || reason.is_some() {
        // a reason that is not given, or of a suspension that is over, goes
        let end = until.map(|until| until.to_string());
        let metadata = json!({"annotations": {SUSPEND_REASON: reason, SUSPENDED_UNTIL: end}});
        let merge = match writes_field {
            true => json!({"metadata": metadata, "spec": {"suspend": field}}),
            false => json!({"metadata": metadata}),
        };
        cluster.patch(name, MANAGER, &merge).await?;
    }
    let place = format!("{name} in namespace {}", cluster.namespace);
    let hint = |verb| cluster.hint.to(verb, name);
    let done = match (already, suspend, until) {
        (false, true, Some(until)) => {
            format!(
                "{place} is suspended until {until}: nothing is read or written until then, or `{}`.",
                hint("resume")
            )
        }
        (true, true, _) => format!("{place} is suspended already."),
        (true, false, _) => format!("{place} is not suspended."),
        (false, true, None) => format!("{place} is suspended: nothing is read or written until `{}`.", hint("resume")),
        (false, false, _) => format!("{place} is resumed; `{}` shows its status.", hint("status")),
    };
    let mut text = output.paragraph("", &done);
    if suspend && summary.deleted().is_some() {
        text.push_str(&output.paragraph("", "It is being deleted, and a deletion goes on while suspended."));
    }
    if let Some(delivery) = Delivery::of(resource).filter(|_| writes_field) {
        let warning = format!("{delivery} delivers it: where Git declares spec.suspend, that wins at its next sync.");
        text.push_str(&output.paragraph("", &warning));
    }
    Ok(CommandOutput { text, exit: Exit::Success })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_lasts_hours_or_days() {
        for (text, hours) in [("2h", 2), ("3d", 72), ("90m30m", 2)] {
            assert_eq!(time(text), Ok(Duration::from_secs(hours * 3600)), "{text}");
        }
        for text in ["", "0d", "0s", "500ms", "d", "-1d", "forever", "2", "1.5d"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
