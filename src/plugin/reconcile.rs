//! `osp reconcile`: asks the operator for a look now, and waits for its answer.

use super::{
    Answer, Cluster, End, Failure, Output,
    cluster::{Connection, Hint},
    standing::Standing,
};
use crate::{
    crd::{self, OrganizationSessionPolicy, REQUESTED_AT},
    reconcile::ConditionStatus,
    terminal::{Style, note},
};
use clap::{ArgAction, Args};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// As Flux' own command line, whose requests Flux does not take away at its
/// next pass (docs/flux.md).
const MANAGER: &str = "flux-client-side-apply";

/// Between two looks at whether it was handled.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks for a look now. Exit 0 when it ends Ready, 2 when not.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The resource
    name: String,
    /// Wait for what the operator finds; --wait=false only asks
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true")]
    wait: bool,
    /// How long to wait
    #[arg(long, default_value = "60s", value_parser = crd::duration)]
    timeout: Duration,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(
    arguments: &Arguments,
    called: &str,
    output: &Output,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let hint = Hint::new(called, &arguments.connection);
    let cluster = Cluster::connect(&arguments.connection).await?;
    let name = &arguments.name;
    let before = cluster.get(name).await?;
    let request = Request { value: now.to_string(), last: handled(&before), uid: before.uid() };
    let asked = json!({"metadata": {"annotations": {REQUESTED_AT: request.value}}});
    cluster.patch(name, MANAGER, &asked).await?;
    if !arguments.wait {
        let text = format!("Asked; `{}` shows how it stands.", hint.to("status", name));
        return Ok(Answer { text: output.paragraph("", &text), end: End::Fine });
    }
    note(&format!("waiting for the operator to look at {name}, up to {} s", arguments.timeout.as_secs()));
    let deadline = Instant::now() + arguments.timeout;
    loop {
        match cluster.look(name).await? {
            Some(resource) if resource.uid() == request.uid => {
                if request.is_handled(&resource) {
                    return Ok(outcome(&resource, &hint, output));
                }
            }
            _ => {
                let text = output.paragraph("", &format!("{name} is gone: its deletion came to its end."));
                return Ok(Answer { text, end: End::Fine });
            }
        }
        if Instant::now() + PAUSE > deadline {
            return Err(Failure::NotHandled { name: name.clone(), waited: arguments.timeout });
        }
        sleep(PAUSE).await;
    }
}

fn handled(resource: &OrganizationSessionPolicy) -> Option<String> {
    resource.status.as_ref().and_then(|status| status.last_handled_reconcile_at.clone())
}

/// A request for a look, and what stood before it.
struct Request {
    value: String,
    last: Option<String>,
    uid: Option<String>,
}

impl Request {
    /// Whether the operator looked since: at this request, or at a later one
    /// that took its place.
    fn is_handled(&self, resource: &OrganizationSessionPolicy) -> bool {
        let handled = handled(resource);
        let standing = resource.annotations().get(REQUESTED_AT);
        handled.as_ref() == Some(&self.value)
            || (standing.is_some_and(|value| *value != self.value)
                && handled.as_ref() == standing
                && handled != self.last)
    }
}

fn outcome(resource: &OrganizationSessionPolicy, hint: &Hint, output: &Output) -> Answer {
    let standing = Standing::of(resource);
    let ready = standing.ready();
    let (end, style) = match ready.truth {
        ConditionStatus::True => (End::Fine, Style::Good),
        ConditionStatus::False => (End::NotFine, Style::Bad),
        ConditionStatus::Unknown => (End::NotFine, Style::Doubtful),
    };
    let head = output.paint(&format!("{}: Ready is {}, {}", standing.name(), ready.truth.name(), ready.reason), style);
    let mut text = format!("{head}\n{}", output.paragraph("", ready.message));
    if end == End::NotFine {
        text.push_str(&output.paragraph("", &format!("`{}` says more.", hint.to("explain", standing.name()))));
    }
    Answer { text, end }
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
