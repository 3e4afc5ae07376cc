//! The conditions that need attention: the message that the operator wrote and, where that does not
//! say so, what the reason means and what to do, in the sentences of `docs/conditions.md`.

use super::super::{
    age,
    summary::{Summary, sentences},
};
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
        let message = conditions.iter().map(|c| c.message.as_str()).max_by_key(|message| message.len());
        let message = sentences(reason, message.unwrap_or_default());
        text.push_str(&output.paragraph("  ", &message));
        let Some(known) = Reason::parse(reason) else { continue };
        if !message.contains(known.means().trim_end_matches('.')) {
            text.push_str(&output.paragraph("  Means  ", known.means()));
        }
        if let Some(owner) = owner.filter(|_| known == Reason::Conflict) {
            text.push_str(&output.paragraph("  Owner  ", owner));
        }
        if !message.contains(known.act()) {
            text.push_str(&output.paragraph("  Do     ", known.act()));
        }
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
    let healthy_when_true =
        !matches!(condition_type, ConditionType::Contended | ConditionType::Reconciling | ConditionType::Stalled);
    (ConditionStatus::parse(&condition.status) == ConditionStatus::True) == healthy_when_true
}
