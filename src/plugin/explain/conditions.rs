//! The conditions that need attention: what each means, its message, and what to do. The sentences are
//! those of `docs/conditions.md`.

use super::super::{age, summary::Summary};
use crate::{
    reconcile::{ConditionStatus, ConditionType, Reason},
    terminal::{Output, Style, printable},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub(super) fn text(summary: &Summary<'_>, owner: Option<&str>, output: &Output, now: Timestamp) -> String {
    if !summary.is_current() {
        let (means, act) = (Reason::NotChecked.means(), Reason::NotChecked.act());
        let said = format!("This version of the spec: {means} What is said above may be of an earlier one. {act}");
        return format!("\n{}", output.paragraph("", &said));
    }
    let mut text = String::new();
    for (reason, conditions) in groups(summary) {
        let named: Vec<String> = conditions.iter().map(|c| format!("{} is {}", c.type_, c.status)).collect();
        let since = conditions.iter().map(|c| c.last_transition_time.0).max().unwrap_or(now);
        let head = output.paint(&printable(reason), Style::Strong);
        text.push_str(&format!("\n{head} for {}\n", age::span(since, now)));
        text.push_str(&output.paragraph("  ", &named.join(", ")));
        let Some(known) = Reason::parse(reason) else {
            // a newer operator wrote a reason that this version does not know: print its message
            for condition in conditions {
                text.push_str(&output.paragraph("  ", &condition.message));
            }
            continue;
        };
        text.push_str(&output.paragraph("  Means  ", known.means()));
        if let Some(here) = conditions.iter().find_map(|c| known.detail(&c.message)) {
            text.push_str(&output.paragraph("  Here   ", here));
        }
        if let Some(owner) = owner.filter(|_| known == Reason::Conflict) {
            text.push_str(&output.paragraph("  Owner  ", owner));
        }
        text.push_str(&output.paragraph("  Do     ", known.act()));
    }
    text
}

/// The conditions that need attention, grouped by reason, in the order of their types. NotChecked is
/// left out if there is another reason, which explains it.
fn groups<'a>(summary: &Summary<'a>) -> Vec<(&'a str, Vec<&'a Condition>)> {
    let mut groups: Vec<(&str, Vec<&Condition>)> = Vec::new();
    for condition in
        ConditionType::ALL.iter().copied().filter_map(|t| summary.condition(t).filter(|c| !is_as_expected(t, c)))
    {
        match groups.iter_mut().find(|(reason, _)| *reason == condition.reason) {
            Some((_, conditions)) => conditions.push(condition),
            None => groups.push((&condition.reason, vec![condition])),
        }
    }
    if groups.len() > 1 {
        groups.retain(|(reason, _)| *reason != Reason::NotChecked.name());
    }
    groups
}

/// Whether a condition needs no attention: it is True, or for Contended, Reconciling and Stalled not
/// True.
fn is_as_expected(condition_type: ConditionType, condition: &Condition) -> bool {
    let good =
        !matches!(condition_type, ConditionType::Contended | ConditionType::Reconciling | ConditionType::Stalled);
    (ConditionStatus::parse(&condition.status) == ConditionStatus::True) == good
}
