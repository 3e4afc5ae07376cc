//! A plan written as JSON, one organization after the other, so that ten
//! thousand of them are never a second time in memory.

use super::{
    Entry, Plan, ResourceChange,
    shape::{Field, Limits, Named, Problem, Row, State, VERSION, Write},
};
use crate::{crd::ApplicationLimits, policy::Live};
use serde::{Serialize, Serializer, ser::SerializeStruct};

pub(super) struct Document<'a>(pub(super) &'a Plan<'a>);

struct Rows<'a>(&'a Plan<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = self.0;
        let mut document = serializer.serialize_struct("Plan", 5)?;
        document.serialize_field("version", &VERSION)?;
        document.serialize_field("environment", &plan.environment)?;
        document.serialize_field("application", &plan.application.as_ref().map(ApplicationLimits::from))?;
        document.serialize_field("summary", &plan.counts())?;
        document.serialize_field("organizations", &Rows(plan))?;
        document.end()
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.entries.iter().map(|entry| row(self.0, entry)))
    }
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
        before: None,
        after: None,
        fields: Vec::new(),
        writes: Vec::new(),
        problem: None,
    };
    match &entry.result {
        ResourceChange::Suspended => row,
        ResourceChange::NoOp { reason, live } => {
            Row { result: reason.name().to_owned(), before: state(entry.flag.enabled(), Some(live)), ..row }
        }
        ResourceChange::Problem(problem) => {
            Row { result: "problem".to_owned(), problem: Some(Problem::from(problem)), ..row }
        }
        ResourceChange::Change(change) => Row {
            result: "change".to_owned(),
            direction: Some(change.direction().name().to_owned()),
            cause: Some(change.cause.name().to_owned()),
            before: state(entry.flag.enabled(), change.before.as_ref()),
            after: state(Some(true), change.after.as_ref()),
            fields: change.fields().iter().map(Field::from).collect(),
            writes: Write::all(&change.writes),
            problem: change.then.as_ref().map(Problem::from),
            ..row
        },
    }
}
