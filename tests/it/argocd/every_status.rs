//! Every status that the operator could ever write, and every one that is not
//! whole, has a health; and it is never better than the status.

use super::{HEALTHS, lua::run_each, table::rows};
use serde_json::{Map, Value, json};
use session_policy_operator::reconcile::{ConditionStatus, ConditionType, Reason};

/// One combination of what a health depends on.
struct Case {
    reason: Reason,
    ready: Option<ConditionStatus>,
    reconciling: bool,
    stalled: bool,
    observed: Option<i64>,
    suspend: Option<bool>,
    deleting: bool,
}

const GENERATION: i64 = 3;

/// More than the operator can come to: every reason with every Ready, with and
/// without the others, for this generation and for others.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &reason in Reason::ALL {
        for ready in [None, Some(ConditionStatus::True), Some(ConditionStatus::False), Some(ConditionStatus::Unknown)] {
            for (reconciling, stalled) in [(false, false), (true, false), (false, true), (true, true)] {
                for observed in [None, Some(-1), Some(GENERATION - 1), Some(GENERATION)] {
                    for (suspend, deleting) in
                        [(None, false), (Some(false), false), (Some(true), false), (None, true), (Some(true), true)]
                    {
                        cases.push(Case { reason, ready, reconciling, stalled, observed, suspend, deleting });
                    }
                }
            }
        }
    }
    cases
}

impl Case {
    fn object(&self) -> Value {
        let condition = |kind: ConditionType, status: ConditionStatus| {
            json!({"type": kind.name(), "status": status.name(), "reason": self.reason.name(),
                "message": self.reason.means(), "observedGeneration": self.observed})
        };
        let mut conditions = vec![
            condition(ConditionType::Synced, ConditionStatus::True),
            condition(ConditionType::Effective, ConditionStatus::False),
        ];
        conditions.extend(self.ready.map(|ready| condition(ConditionType::Ready, ready)));
        conditions.extend(self.reconciling.then(|| condition(ConditionType::Reconciling, ConditionStatus::True)));
        conditions.extend(self.stalled.then(|| condition(ConditionType::Stalled, ConditionStatus::True)));
        json!({
            "metadata": {"generation": GENERATION,
                "deletionTimestamp": self.deleting.then_some("2026-01-01T00:00:00Z")},
            "spec": {"suspend": self.suspend},
            "status": {"observedGeneration": self.observed, "conditions": conditions},
        })
    }

    fn is_current(&self) -> bool {
        self.observed == Some(GENERATION) && !self.deleting
    }

    fn suspended(&self) -> bool {
        self.suspend == Some(true) || (self.ready.is_some() && self.reason == Reason::Suspended)
    }

    fn healthy(&self) -> bool {
        self.is_current()
            && !self.suspended()
            && !self.stalled
            && !self.reconciling
            && self.ready == Some(ConditionStatus::True)
    }
}

fn is_a_health(health: &Value) -> bool {
    let status = health["status"].as_str();
    let said = health["message"].as_str().is_some_and(|message| !message.is_empty());
    said && status.is_some_and(|status| HEALTHS.contains(&status)) && health.as_object().unwrap().len() == 2
}

#[test]
fn healthy_is_said_of_what_is_ready_for_this_spec_and_of_nothing_else() {
    let cases = cases();
    let objects: Vec<Value> = cases.iter().map(Case::object).collect();
    for ((case, object), health) in cases.iter().zip(&objects).zip(run_each("health.lua", &objects)) {
        assert!(is_a_health(&health), "{health} for {object}");
        let status = health["status"].as_str().unwrap();
        assert_eq!(status == "Healthy", case.healthy(), "{health} for {object}");
        assert_eq!(status == "Degraded", case.is_current() && degraded(case), "{health} for {object}");
        assert_eq!(
            status == "Suspended",
            case.is_current() && !case.stalled && case.suspended(),
            "{health} for {object}"
        );
        if status == "Healthy" || status == "Degraded" {
            assert!(health["message"].as_str().unwrap().starts_with(case.reason.name()), "{health} for {object}");
        }
    }
}

/// A person is needed, or it is not ready and nothing is done about it.
fn degraded(case: &Case) -> bool {
    let given_up = !case.suspended()
        && !case.reconciling
        && matches!(case.ready, Some(ConditionStatus::False | ConditionStatus::Unknown));
    case.stalled || given_up
}

/// Every copy of `value` with one thing in it gone, or null, or of a shape
/// that nobody expects.
fn damaged(value: &Value) -> Vec<Value> {
    let mut copies = vec![Value::Null, json!("odd"), json!(7), json!([]), json!({})];
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let mut without = fields.clone();
                without.remove(name);
                copies.push(Value::Object(without));
                let with = |other: Value| {
                    let mut fields: Map<String, Value> = fields.clone();
                    fields.insert(name.clone(), other);
                    Value::Object(fields)
                };
                copies.extend(damaged(inner).into_iter().map(with));
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let with = |other: Value| {
                    let mut items = items.clone();
                    items[index] = other;
                    Value::Array(items)
                };
                copies.extend(damaged(inner).into_iter().map(with));
            }
        }
        _ => {}
    }
    copies
}

#[test]
fn whatever_is_missing_there_is_a_health() {
    for row in rows() {
        let objects: Vec<Value> = damaged(&row.object).into_iter().filter(Value::is_object).collect();
        assert!(objects.len() > 100, "{}", row.state);
        for (object, health) in objects.iter().zip(run_each("health.lua", &objects)) {
            assert!(is_a_health(&health), "{}: {health} for {object}", row.state);
        }
    }
}
