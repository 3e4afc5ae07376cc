//! `osp reconcile`: requests a reconcile with an annotation, and waits until the status repeats the
//! annotation's value.

use super::{
    cluster::{Cluster, Hint},
    failure::Failure,
    operators::{Operators, namespace_of},
    output::{CommandOutput, VerbResult},
    selected::ResourceArguments,
    summary::{Summary, sentences, style},
};
use crate::{
    crd::{self, OrganizationSessionPolicy, REQUESTED_AT},
    reconcile::ConditionStatus,
    terminal::{Exit, Output, Style, note, printable},
};
use clap::{ArgAction, Args};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The field manager of the annotation, that of Flux's own command line, since Flux removes an
/// annotation that kubectl set (docs/flux.md).
const MANAGER: &str = "flux-client-side-apply";

/// The time between two reads of the status while waiting.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Asks the operator to reconcile now. Exit 0 when it ends Ready, 2 when not.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) resource: ResourceArguments,
    /// Wait for the outcome; --wait=false only asks
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true")]
    wait: bool,
    /// How long to wait
    #[arg(long, default_value = "60s", value_parser = crd::duration)]
    timeout: Duration,
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let requested = async |cluster: &Cluster, operators: &Operators, before: &OrganizationSessionPolicy| {
        let namespaces = namespace_of(before);
        for gone in operators.gone(&namespaces, Timestamp::now()) {
            note(&format!("warning: {gone}"));
        }
        request(arguments, cluster, before, output, now).await
    };
    arguments.resource.each_kept(program, requested).await
}

async fn request(
    arguments: &Arguments,
    cluster: &Cluster,
    before: &OrganizationSessionPolicy,
    output: &Output,
    now: Timestamp,
) -> VerbResult {
    let name = &before.name_any();
    let request = Request { value: now.to_string(), last: handled(before), uid: before.uid() };
    let asked = json!({"metadata": {"annotations": {REQUESTED_AT: request.value}}});
    cluster.patch(name, MANAGER, &asked).await?;
    if !arguments.wait {
        let text = format!("Requested; `{}` shows the status.", cluster.hint.to("status", name));
        return Ok(CommandOutput { text: output.paragraph("", &text), exit: Exit::Success });
    }
    note(&format!("waiting for the operator to reconcile {name}, up to {} s", arguments.timeout.as_secs()));
    let deadline = Instant::now() + arguments.timeout;
    loop {
        match cluster.get_opt(name).await? {
            Some(resource) if resource.uid() == request.uid => {
                if request.is_handled(&resource) {
                    return Ok(outcome(&resource, &cluster.hint, output));
                }
            }
            _ => {
                let text = output.paragraph("", &format!("{name} is gone: its deletion is complete."));
                return Ok(CommandOutput { text, exit: Exit::Success });
            }
        }
        if Instant::now() + POLL_INTERVAL > deadline {
            return Err(Failure::NotHandled { name: name.clone(), waited: arguments.timeout });
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn handled(resource: &OrganizationSessionPolicy) -> Option<String> {
    resource.status.as_ref().and_then(|status| status.last_handled_reconcile_at.clone())
}

/// The value of our request, and the value that the status repeated before it.
struct Request {
    value: String,
    last: Option<String>,
    uid: Option<String>,
}

impl Request {
    /// Whether the operator has reconciled for this request, or for a later one that replaced it.
    fn is_handled(&self, resource: &OrganizationSessionPolicy) -> bool {
        let handled = handled(resource);
        let current = resource.annotations().get(REQUESTED_AT);
        handled.as_ref() == Some(&self.value)
            || (current.is_some_and(|value| *value != self.value)
                && handled.as_ref() == current
                && handled != self.last)
    }
}

fn outcome(resource: &OrganizationSessionPolicy, hint: &Hint, output: &Output) -> CommandOutput {
    let summary = Summary::of(resource);
    let ready = summary.ready();
    if let Some(failed) = summary.unread().filter(|_| ready.status == ConditionStatus::True) {
        let head = format!("{}: this reconcile failed, {}", summary.name(), failed.reason);
        let head = output.paint(&printable(&head), Style::Bad);
        let before = format!("Ready is True, {}: that is from an earlier reconcile.", ready.reason);
        let said = [sentences(&failed.reason, &failed.message), before]
            .map(|sentence| output.paragraph("", &sentence))
            .concat();
        return CommandOutput { text: format!("{head}\n{said}"), exit: Exit::NotAsDeclared };
    }
    let head = format!("{}: Ready is {}, {}", summary.name(), ready.status.name(), ready.reason);
    let head = output.paint(&printable(&head), style(ready.status));
    let mut text = format!("{head}\n{}", output.paragraph("", &sentences(ready.reason, ready.message)));
    let exit = summary.exit();
    if exit == Exit::NotAsDeclared {
        text.push_str(&output.paragraph("", &format!("`{}` says more.", hint.to("explain", summary.name()))));
    }
    CommandOutput { text, exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn resource(requested: Value, handled: Value) -> OrganizationSessionPolicy {
        serde_json::from_value(json!({
            "metadata": {"name": "acme", "annotations": {REQUESTED_AT: requested}},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "APPLICATION"}},
            "status": {"lastHandledReconcileAt": handled},
        }))
        .unwrap()
    }

    #[test]
    fn a_request_is_handled_when_it_or_a_later_one_is_echoed() {
        let request = Request { value: "2".into(), last: Some("1".into()), uid: None };
        for (requested, handled, expected) in
            [("2", "1", false), ("2", "2", true), ("3", "1", false), ("3", "3", true), ("1", "1", false)]
        {
            let found = request.is_handled(&resource(requested.into(), handled.into()));
            assert_eq!(found, expected, "{requested} {handled}");
        }
    }
}
