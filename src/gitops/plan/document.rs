//! Writes a plan as JSON, converting one organization at a time, so that ten thousand are not in
//! memory twice.

use super::{
    Counts, Entry, Plan, Problem, ResourceChange, Writes,
    shape::{Limits, Named, Row, State, VERSION},
};
use crate::{
    crd::ApplicationLimits,
    policy::{FieldChange, Live},
    reconcile::Feature,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    environment: &'a str,
    application: Option<ApplicationLimits>,
    summary: Counts,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unclaimed: &'a [String],
    #[serde(serialize_with = "rows")]
    organizations: &'a Plan<'a>,
}

impl<'a> Document<'a> {
    pub(super) fn of(plan: &'a Plan<'a>) -> Self {
        Self {
            version: VERSION,
            environment: &plan.environment,
            application: plan.application.as_ref().map(ApplicationLimits::from),
            summary: plan.counts(),
            unclaimed: &plan.unclaimed,
            organizations: plan,
        }
    }
}

fn rows<S: Serializer>(plan: &Plan<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(plan.entries.iter().map(|entry| row(plan, entry)))
}

pub(super) fn row(plan: &Plan<'_>, entry: &Entry<'_>) -> Row {
    let manifest = entry.manifest;
    let declared = &manifest.spec;
    let state = |session_policy_enabled, live: Option<&Live>| {
        let (policy, effective) = (live.map(Limits::from), plan.effective(live));
        Some(State { session_policy_enabled, policy, effective })
    };
    let row = Row {
        file: manifest.location.file.to_string(),
        line: manifest.location.line,
        column: manifest.location.column,
        namespace: manifest.namespace.clone(),
        name: manifest.name.clone(),
        organization: Named::from(&declared.organization),
        organization_id: entry.id.as_ref().map(ToString::to_string),
        mode: declared.mode.name().to_owned(),
        declared: (&Live::from(declared.policy)).into(),
        result: "suspended".to_owned(),
        direction: None,
        cause: None,
        live: None,
        planned: None,
        fields: Vec::new(),
        writes: Vec::new(),
        warnings: plan.ineffective(entry).into_iter().collect(),
        problem: None,
    };
    match &entry.result {
        ResourceChange::Suspended => row,
        ResourceChange::NoOp { reason, live } => {
            Row { result: <&str>::from(reason).to_owned(), live: state(entry.flag.enabled(), Some(live)), ..row }
        }
        ResourceChange::Problem(problem) => {
            Row { result: "problem".to_owned(), problem: Some(reported(problem)), ..row }
        }
        ResourceChange::Change(change) => Row {
            result: "change".to_owned(),
            direction: Some(change.direction(plan.limits()).name().to_owned()),
            cause: Some(<&str>::from(change.cause).to_owned()),
            live: state(entry.flag.enabled(), change.before.as_ref()),
            planned: state(Some(true), change.after.as_ref()),
            fields: change.fields(plan.limits()).iter().map(field).collect(),
            writes: requests(&change.writes),
            problem: change.then.as_ref().map(reported),
            ..row
        },
    }
}

fn field(change: &FieldChange) -> Value {
    let FieldChange { field, before, after, direction, inherited, stricter } = change;
    let mut said = json!({"field": field.name(), "live": before, "planned": after, "direction": direction.name()});
    let texts = [("inherited", inherited.clone()), ("stricterApplication", stricter.map(|limit| limit.to_string()))];
    if let Some(object) = said.as_object_mut() {
        object.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    }
    said
}

fn requests(writes: &Writes) -> Vec<Value> {
    let flag = |feature: &Feature| json!({"name": feature.name, "enabled": feature.enabled});
    let features = writes.features.as_ref().map(|list| json!({"features": list.iter().map(flag).collect::<Vec<_>>()}));
    let policy = writes.policy.map(|policy| json!({"policy": Limits::from(&Live::from(policy))}));
    features.into_iter().chain(policy).collect()
}

fn reported(problem: &Problem) -> Value {
    json!({"reason": problem.reason.name(), "message": problem.message})
}
