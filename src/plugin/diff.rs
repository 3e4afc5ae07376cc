//! `osp diff`: compares the declared policy with the live one, in the form of `osp plan`. The live one
//! is read from Scalekit if there are credentials for it; else it is the one of the status, with its age.

use super::{
    age,
    cluster::{Cluster, Hint},
    explain::future,
    failure::Failure,
    limits::stricter_side,
    operators::{Operators, namespace_of},
    output::{CommandOutput, VerbResult, json as pretty},
    selected::ResourceArguments,
    summary::Summary,
};
use crate::{
    crd::{EffectiveLimits, OrganizationSessionPolicy, ReportedPolicy},
    gitops::{
        Access, Now, Reader,
        plan::{detail, effective_line, field_lines, style},
    },
    policy::{Bounds, Direction, Live, Mode, OrganizationId, Policy, changes, diff, effective, tighten},
    reconcile::{ConditionStatus, ConditionType, Reason},
    terminal::{Exit, Format, Output, Style, note, printable, yaml},
};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The version of the JSON.
const VERSION: u32 = 1;

/// Compares the declared policy with the live one. Exit 0 if nothing differs, 2 if something does.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) resource: ResourceArguments,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    #[command(flatten, next_help_heading = "To read what is live from Scalekit")]
    access: Access,
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output, now: Timestamp) -> VerbResult {
    let reader = match arguments.access.is_given() {
        true => Reader::new(&arguments.access).await.inspect_err(|why| warn("what is live", why)).ok(),
        false => None,
    };
    let compared = async |cluster: &Cluster, operators: &Operators, resource: &OrganizationSessionPolicy| {
        let read = match &reader {
            Some(reader) => read(reader, &Summary::of(resource)).await.transpose(),
            None => Ok(None),
        };
        let (read, unread) = read.map_or_else(|why| (None, Some(why)), |read| (read, None));
        let namespaces = namespace_of(resource);
        let kept = operators.exit(&namespaces) == Exit::Success;
        let comparison = Comparison { kept, ..Comparison::of(resource, read, &cluster.hint)? };
        if let Some(why) = unread {
            warn(comparison.summary.name(), &why);
        }
        let exit = if comparison.differs() || comparison.is_old() { Exit::NotAsDeclared } else { Exit::Success };
        let json = || comparison.json(&operators.json(Some(&namespaces), Timestamp::now()), now);
        let at = Timestamp::now();
        let nobody = || match comparison.is_old() {
            true => operators.missing_text(&namespaces, output, at),
            false => operators.gone(&namespaces, at).iter().map(|gone| output.paragraph("", gone)).collect(),
        };
        let text = match arguments.output {
            Format::Json => pretty(&json()),
            Format::Yaml => yaml(&json()),
            Format::Text => comparison.text(output, now) + &nobody(),
        };
        Ok(CommandOutput { text, exit })
    };
    arguments.resource.each_kept(program, compared).await
}

/// What is live now, or why that can't be read. `None`: the spec is invalid.
async fn read(reader: &Reader, summary: &Summary<'_>) -> Option<Result<Now, String>> {
    let spec = summary.spec.as_ref().ok()?;
    let here = reader.environment();
    Some(match summary.status.and_then(|status| status.environment.as_deref()).filter(|host| *host != here) {
        Some(host) => Err(format!("it is in {host}, and the credentials are for {here}")),
        None => {
            let pinned = summary.status.and_then(|status| OrganizationId::parse(status.organization_id.as_deref()?));
            reader.read(&spec.organization, pinned).await
        }
    })
}

fn warn(what: &str, why: &str) {
    note(&format!("warning: {what} is shown as the operator reported it, since it was not read now: {why}"));
}

struct Comparison<'a> {
    summary: Summary<'a>,
    wanted: Policy,
    live: Live,
    application: Option<Bounds>,
    /// The environment that was just read; `None`: `live` is from the status.
    read_from: Option<String>,
    /// No operator is known to be gone.
    kept: bool,
}

impl<'a> Comparison<'a> {
    /// Compares the current spec with what was read now, or with `status.policy`, the live policy at the
    /// operator's last reconcile.
    fn of(resource: &'a OrganizationSessionPolicy, read: Option<Now>, hint: &Hint) -> Result<Self, Failure> {
        let summary = Summary::of(resource);
        let name = || summary.name().to_owned();
        let invalid = |why: &String| Failure::Invalid { name: name(), cause: why.clone() };
        let declared = summary.spec.as_ref().map_err(invalid)?.policy;
        let not_reconciled = || Failure::NotReconciled {
            name: name(),
            why: summary.ready().reason.to_owned(),
            explain: hint.to("explain", summary.name()),
        };
        let (live, application, read_from) = match read {
            Some(Now { environment, live, application }) => {
                (live, application.map(|application| application.bounds), Some(environment))
            }
            None => {
                let application = summary.status.and_then(|status| status.application_policy.as_ref());
                (summary.live().ok_or_else(not_reconciled)?, application.map(Bounds::from), None)
            }
        };
        // a deletion reverts the organization to the application's policy
        let wanted = if summary.deleted().is_some() { Policy::Application } else { declared };
        Ok(Self { summary, wanted, live, application, read_from, kept: true })
    }

    fn differs(&self) -> bool {
        !diff(&self.wanted, &self.live).is_empty()
    }

    /// Whether what is live may have changed since without anybody who would have seen it.
    fn is_old(&self) -> bool {
        !self.kept && self.read_from.is_none()
    }

    fn text(&self, output: &Output, now: Timestamp) -> String {
        let (wanted, summary) = (Live::from(self.wanted), &self.summary);
        let fields = changes(&self.live, &wanted, self.application);
        let direction = fields.iter().fold(Direction::Neutral, |all, field| all.and(field.direction));
        let organization = summary.spec.as_ref().map(|spec| spec.organization.described()).unwrap_or_default();
        let title = printable(&format!("{} ({organization}, {})", summary.name(), summary.mode()));
        let mut pieces = vec![(title.as_str(), Style::Strong), (": ", Style::Plain)];
        let sign = match self.differs() {
            true => {
                let to = if summary.deleted().is_some() { "live → inherited (" } else { "live → declared (" };
                pieces.extend([(to, Style::Plain), (direction.name(), style(direction))]);
                pieces.push((")", Style::Plain));
                "~ "
            }
            false => {
                let is = if summary.deleted().is_some() { "inherited" } else { "as declared" };
                pieces.extend([(if self.is_old() { "was " } else { "" }, Style::Plain), (is, Style::Plain)]);
                "= "
            }
        };
        let mut text = output.line(sign, &pieces);
        text.push_str(&field_lines(&fields, output));
        text.push_str(&effective_line([Some(&self.live), Some(&wanted)], self.application, output));
        text.push_str(&detail("live as of", &[(&self.as_of(now), Style::Plain)], output));
        format!("{text}\n{}", output.paragraph("", &self.consequence()))
    }

    /// Where `live` is from, and how old it is.
    fn as_of(&self, now: Timestamp) -> String {
        match (&self.read_from, self.summary.written()) {
            (Some(environment), _) => format!("now, read from {environment}"),
            (None, Some(at)) => {
                format!("the operator's last report of a change, age {}", age::span(at, now))
            }
            (None, None) => "the operator's last report of a change".to_owned(),
        }
    }

    /// Says in a sentence what the operator does about the difference.
    fn consequence(&self) -> String {
        let (ready, deleted) = (self.summary.ready(), self.summary.deleted().is_some());
        let mode = self.summary.spec.as_ref().map(|spec| spec.mode);
        let what = match (mode, tighten(&self.wanted, &self.live)) {
            _ if !self.differs() && self.is_old() => "Nothing differed at the operator's last report.".to_owned(),
            _ if !self.differs() => "Nothing differs.".to_owned(),
            _ if self.summary.is_suspended() && !deleted => "Suspended: nothing is written.".to_owned(),
            _ if ready.status == ConditionStatus::False => {
                let meaning = Reason::parse(ready.reason).map(|reason| reason.message("")).unwrap_or_default();
                format!("It differs because of {}: {meaning}", ready.reason)
            }
            _ if !self.kept => "Nothing is written before an operator runs again.".to_owned(),
            _ if deleted => format!("It is being deleted: {}.", future::deletion(&self.summary)),
            (Ok(Mode::Observe), _) => "Observe: this is reported, and nothing is written.".to_owned(),
            (Ok(Mode::TightenOnly), None) => "TightenOnly: what is live is strict enough, and stays.".to_owned(),
            (Ok(Mode::TightenOnly), Some(target)) => {
                format!("TightenOnly: only what makes it stricter is written: {target}.")
            }
            _ => "Enforce: the operator writes what is declared.".to_owned(),
        };
        let unread = self.summary.unread().filter(|_| ready.status == ConditionStatus::True);
        let before = match (self.summary.is_current(), &self.read_from, unread) {
            (true, _, None) => return what,
            (true, _, Some(synced)) => format!("The operator's last read of it failed ({}).", synced.reason),
            (false, Some(_), _) => "The operator has not reconciled this version of the spec yet.".to_owned(),
            (false, None, _) => {
                "The operator has not reconciled this version of the spec yet; what is live is from its \
                                 last reconcile."
                    .to_owned()
            }
        };
        format!("{before} {what}")
    }

    fn json(&self, operators: &Value, now: Timestamp) -> Value {
        let drift = diff(&self.wanted, &self.live).into_iter().map(|difference| {
            let stricter = stricter_side(difference.field, &self.wanted, &self.live, self.application);
            json!({"field": difference.field.name(), "declared": difference.declared, "live": difference.live,
                "stricter": stricter})
        });
        let summary = &self.summary;
        let limits = |policy: &Live| EffectiveLimits::from(&effective(self.application?, policy.into())).summary;
        let as_of = if self.read_from.is_some() { Some(now) } else { summary.written() };
        json!({
            "version": VERSION,
            "namespace": summary.namespace(), "name": summary.name(),
            "organization": summary.organization(), "mode": summary.mode(),
            "current": summary.is_current(), "synced": summary.status_of(ConditionType::Synced).name(),
            "source": if self.read_from.is_some() { "scalekit" } else { "status" },
            "asOf": as_of.map(|at| at.to_string()),
            "declared": in_minutes(&self.wanted.into()), "live": in_minutes(&self.live),
            "effective": {"declared": limits(&self.wanted.into()), "live": limits(&self.live)},
            "drift": drift.collect::<Vec<_>>(), "operators": operators,
        })
    }
}

/// A policy as `osp plan` has it: timeouts in minutes.
pub(super) fn in_minutes(policy: &Live) -> Value {
    json!(ReportedPolicy { absolute: None, idle: None, ..ReportedPolicy::from(policy) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::cluster::Connection;

    fn consequence(spec: Value, deleted: bool, reason: &str, live: Value) -> String {
        let mut all = json!({
            "metadata": {"name": "acme", "generation": 1},
            "spec": {"organization": {"id": "org_1"}, "policy": {"policySource": "CUSTOM", "absoluteSessionTimeout": 60}},
            "status": {"observedGeneration": 1, "policy": live, "conditions": [{"type": "Ready", "reason": reason,
                "status": if reason == "Deleting" { "Unknown" } else { "False" }, "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        });
        all["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        if deleted {
            all["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let resource: OrganizationSessionPolicy = serde_json::from_value(all).unwrap();
        let cluster = Hint::new("osp", &Connection::default());
        Comparison::of(&resource, None, &cluster).unwrap().consequence()
    }

    #[test]
    fn a_policy_that_others_change_back_is_not_said_to_be_left_alone() {
        let looser = json!({"policySource": "CUSTOM", "absoluteSessionTimeout": 600});
        let said = consequence(json!({}), false, "Contended", looser);
        assert!(said.starts_with("It differs because of Contended: Somebody else changes the policy"), "{said}");
        assert!(said.contains("a looser policy is corrected each interval"), "{said}");
    }

    #[test]
    fn an_annotation_that_is_no_time_is_no_matter_of_versions() {
        let resource: OrganizationSessionPolicy = serde_json::from_value(json!({
            "metadata": {"name": "acme", "annotations": {"scalekit.com/suspended-until": "tomorrow"}},
            "spec": {"organization": {"id": "org_1"}, "mode": "Observe", "policy": {"policySource": "APPLICATION"}},
        }))
        .unwrap();
        let hint = Hint::new("osp", &Connection::default());
        let said = Comparison::of(&resource, None, &hint).map(|_| ()).unwrap_err().to_string();
        assert!(said.starts_with("acme is not valid, so nothing is written: metadata.annotations."), "{said}");
        assert_eq!(Summary::of(&resource).mode(), "Observe");
    }

    #[test]
    fn what_a_deletion_does_is_said_of_each_spec() {
        let own = json!({"policySource": "CUSTOM", "absoluteSessionTimeout": 60});
        let stricter = json!({"policySource": "CUSTOM", "absoluteSessionTimeout": 30});
        for (spec, live, expected) in [
            (json!({}), &own, "first the organization is set back to inherit the application's policy."),
            (json!({"deletionPolicy": "Retain"}), &own, "the policy stays in Scalekit (deletionPolicy Retain)."),
            (json!({"mode": "Observe"}), &own, "Observe never writes, so the policy stays in Scalekit."),
            (json!({"mode": "TightenOnly"}), &own, "first the organization is set back"),
            (json!({"mode": "TightenOnly"}), &stricter, "it is the customer's own and stays (TightenOnly)."),
        ] {
            let said = consequence(spec.clone(), true, "Deleting", live.clone());
            assert!(said.starts_with("It is being deleted: ") && said.contains(expected), "{spec}: {said}");
        }
    }
}
