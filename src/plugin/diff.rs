//! `osp diff`: compares the declared policy with the live one, and says which is stricter.

use super::{
    cluster::{Cluster, Hint, ResourceArguments},
    explain::future,
    failure::Failure,
    limits::stricter_side,
    output::{CommandOutput, Format, VerbResult, json as pretty},
    summary::Summary,
    table::{Cell, Column, Layout, table},
};
use crate::{
    crd::OrganizationSessionPolicy,
    policy::{Bounds, Field, Idle, Live, Mode, Policy, diff, or_unset, tighten},
    reconcile::{ConditionStatus, ConditionType, Reason},
    terminal::{Exit, Output, Style},
};
use clap::Args;
use serde_json::json;

/// Compares the declared policy with the live one. Exit 0 if nothing differs, 2 if something does.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    resource: ResourceArguments,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

pub(super) async fn run(arguments: &Arguments, program: &str, output: &Output) -> VerbResult {
    let compared = async |cluster: &Cluster, resource: &OrganizationSessionPolicy| {
        let comparison = Comparison::of(resource, &cluster.hint)?;
        let exit = if comparison.differs() { Exit::NotAsDeclared } else { Exit::Success };
        let text = match arguments.output {
            Format::Json => comparison.json(),
            Format::Text => comparison.text(output),
        };
        Ok(CommandOutput { text, exit })
    };
    arguments.resource.each(program, compared).await
}

struct Comparison<'a> {
    summary: Summary<'a>,
    wanted: Policy,
    found: Live,
    lines: Vec<Line>,
}

/// One row of the table: a field of both policies.
struct Line {
    field: Field,
    declared: String,
    live: String,
    differs: bool,
    stricter: &'static str,
}

impl<'a> Comparison<'a> {
    /// Compares the current spec with `status.policy`, the live policy at the operator's last reconcile.
    fn of(resource: &'a OrganizationSessionPolicy, hint: &Hint) -> Result<Self, Failure> {
        let summary = Summary::of(resource);
        let name = || summary.name().to_owned();
        let invalid = |why: &String| Failure::Unreadable { name: name(), cause: why.clone() };
        let declared = summary.spec.as_ref().map_err(invalid)?.policy;
        let found = summary.live().ok_or_else(|| Failure::NotReconciled {
            name: name(),
            why: summary.ready().reason.to_owned(),
            explain: hint.to("explain", summary.name()),
        })?;
        let application = summary.status.and_then(|status| status.application_policy.as_ref()).map(Bounds::from);
        // a deletion reverts the organization to the application's policy
        let wanted = if summary.deleted().is_some() { Policy::Application } else { declared };
        let lines = lines(&wanted, &found, application);
        Ok(Self { summary, wanted, found, lines })
    }

    fn differs(&self) -> bool {
        self.lines.iter().any(|line| line.differs)
    }

    fn text(&self, output: &Output) -> String {
        let columns = ["FIELD", "DECLARED", "LIVE", "STRICTER"].map(|title| Column { title, layout: Layout::Row });
        let row = |line: &Line| {
            let (style, stricter, mark) = match line.differs {
                true => (Style::Warning, line.stricter, "≠"),
                false => (Style::Plain, "", "="),
            };
            [&format!("{mark} {}", line.field.name()), &line.declared, &line.live, stricter]
                .map(|text| Cell::new(text, style))
                .to_vec()
        };
        let rows: Vec<Vec<Cell>> = self.lines.iter().map(row).collect();
        format!("{}\n{}", table(&columns, &rows, output), output.paragraph("", &self.consequence()))
    }

    /// Says in a sentence what the operator does about the difference.
    fn consequence(&self) -> String {
        let (ready, deleted) = (self.summary.ready(), self.summary.deleted().is_some());
        let mode = self.summary.spec.as_ref().map(|spec| spec.mode);
        let what = match (mode, tighten(&self.wanted, &self.found)) {
            _ if !self.differs() => "Nothing differs.".to_owned(),
            _ if self.summary.is_suspended() && !deleted => "Suspended: nothing is written.".to_owned(),
            _ if ready.status == ConditionStatus::False => {
                let meaning = Reason::parse(ready.reason).map(|reason| reason.message("")).unwrap_or_default();
                format!("It differs because of {}: {meaning}", ready.reason)
            }
            _ if deleted => format!("It is being deleted: {}.", future::deletion(&self.summary)),
            (Ok(Mode::Observe), _) => "Observe: this is reported, and nothing is written.".to_owned(),
            (Ok(Mode::TightenOnly), None) => "TightenOnly: what is live is strict enough, and stays.".to_owned(),
            (Ok(Mode::TightenOnly), Some(target)) => {
                format!("TightenOnly: only what makes it stricter is written: {target}.")
            }
            _ => "Enforce: the operator writes what is declared.".to_owned(),
        };
        match self.summary.is_current() {
            true => what,
            false => format!(
                "The operator has not reconciled this version of the spec yet; what is live is from its last \
                 reconcile. {what}"
            ),
        }
    }

    fn json(&self) -> String {
        let lines = self.lines.iter().filter(|line| line.differs);
        let drift = lines.map(|line| {
            json!({"field": line.field.name(), "declared": line.declared, "live": line.live,
                "stricter": line.stricter})
        });
        pretty(&json!({
            "namespace": self.summary.namespace(), "name": self.summary.name(),
            "current": self.summary.is_current(), "synced": self.summary.status_of(ConditionType::Synced).name(),
            "drift": drift.collect::<Vec<_>>(),
        }))
    }
}

/// The fields that either policy sets. `policy::diff`, which the operator uses too, decides whether a
/// field differs.
fn lines(wanted: &Policy, found: &Live, application: Option<Bounds>) -> Vec<Line> {
    let differences = diff(wanted, found);
    let declared = Live::from(*wanted);
    [Field::Source, Field::Absolute, Field::IdleEnabled, Field::Idle]
        .into_iter()
        .map(|field| {
            let difference = differences.iter().find(|difference| difference.field == field);
            Line {
                field,
                declared: value(field, &declared),
                live: value(field, found),
                differs: difference.is_some(),
                stricter: stricter_side(field, wanted, found, application),
            }
        })
        .filter(|line| line.differs || !(line.declared.is_empty() && line.live.is_empty()))
        .collect()
}

/// The value of a field for people; empty if the policy does not set it.
fn value(field: Field, policy: &Live) -> String {
    match (field, policy) {
        (Field::Source, policy) => policy.source().into(),
        (Field::Absolute, Live::Custom { absolute, .. }) => or_unset(*absolute),
        (Field::IdleEnabled, Live::Custom { idle, .. }) => (*idle != Idle::Off).to_string(),
        (Field::Idle, Live::Custom { idle: Idle::On(idle), .. }) => or_unset(*idle),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plugin::cluster::Connection,
        policy::{Minutes, Session},
    };
    use serde_json::Value;

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
        Comparison::of(&resource, &cluster).unwrap().consequence()
    }

    #[test]
    fn a_policy_that_others_change_back_is_not_said_to_be_left_alone() {
        let looser = json!({"policySource": "CUSTOM", "absoluteSessionTimeout": 600});
        let said = consequence(json!({}), false, "Contended", looser);
        assert!(said.starts_with("It differs because of Contended: Somebody else changes the policy"), "{said}");
        assert!(said.contains("a looser policy is corrected each interval"), "{said}");
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

    #[test]
    fn what_differs_is_what_the_domain_says_and_reads_the_same() {
        let m = |n| Minutes::new(n).unwrap();
        let wanted = Policy::Custom(Session::new(m(480), Some(m(60))).unwrap());
        for found in [
            Live::Application,
            Live::Unrecognized,
            wanted.into(),
            Live::Custom { absolute: None, idle: Idle::Off },
            Live::Custom { absolute: Some(m(600)), idle: Idle::On(None) },
        ] {
            let shown = lines(&wanted, &found, None);
            let differing: Vec<_> = shown.iter().filter(|line| line.differs).collect();
            let expected = diff(&wanted, &found);
            assert_eq!(differing.len(), expected.len(), "{found:?}");
            for (line, difference) in differing.iter().zip(expected) {
                assert_eq!(
                    (line.field, &line.declared, &line.live),
                    (difference.field, &difference.desired, &difference.live)
                );
            }
        }
    }
}
