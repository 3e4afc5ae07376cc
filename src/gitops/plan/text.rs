//! A plan as text, for people.

use super::{Change, Entry, NoOp, Plan, Problem, ResourceChange};
use crate::{
    policy::{Direction, Live, diff, summary},
    terminal::{Output, Style, printable},
};
use std::io::{self, Write};

/// Writes a paragraph for each resource that is not as declared, and the summary.
pub(in crate::gitops) fn text(out: &mut dyn Write, plan: &Plan<'_>, output: &Output) -> io::Result<()> {
    for entry in &plan.entries {
        let title = title(entry);
        let head = |sign: &str, pieces: &[(&str, Style)]| {
            output.line(sign, &[&[(title.as_str(), Style::Strong), (": ", Style::Plain)], pieces].concat())
        };
        let rendered = match &entry.result {
            ResourceChange::NoOp { reason: NoOp::InSync, .. } => continue,
            ResourceChange::NoOp { reason, live } => {
                let said = match reason {
                    NoOp::Drifted => "drift, only observed",
                    _ => "stricter than declared, kept",
                };
                let drift = summary(&diff(&entry.manifest.spec.policy, live));
                head("= ", &[(&format!("{said}: {drift}"), Style::Plain)])
            }
            ResourceChange::Suspended => head("- ", &[("skipped, spec.suspend is true", Style::Plain)]),
            ResourceChange::Problem(problem) => head("! ", &reason_and_message(problem)),
            ResourceChange::Change(change) => {
                let direction = change.direction();
                let cause = change.cause.into();
                let direction = [(" (", Style::Plain), (direction.name(), style(direction)), (")", Style::Plain)];
                head("~ ", &[&[(cause, Style::Plain)], &direction[..]].concat()) + &details(plan, entry, change, output)
            }
        };
        out.write_all(rendered.as_bytes())?;
    }
    if let Some(said) = plan.in_no_file() {
        out.write_all(output.line("", &[(&said, Style::Warning)]).as_bytes())?;
    }
    let sum = plan.counts().summary();
    out.write_all(output.line("", &[(&format!("{}: {sum}", plan.environment), Style::Strong)]).as_bytes())
}

fn reason_and_message(problem: &Problem) -> [(&str, Style); 3] {
    [(problem.reason.name(), Style::Bad), (": ", Style::Plain), (&problem.message, Style::Plain)]
}

fn details(plan: &Plan<'_>, entry: &Entry<'_>, change: &Change, output: &Output) -> String {
    let mut text = String::new();
    let mut detail =
        |label: &str, pieces: &[(&str, Style)]| text.push_str(&output.line(&format!("    {label:22}  "), pieces));
    if let Some(flag) = entry.flag_change() {
        detail("feature session_policy", &[(flag, Style::Plain)]);
    }
    if change.before.is_none() {
        let declared = entry.manifest.spec.policy.to_string();
        let said = format!("can't be read before the feature is on; declared: {declared}");
        detail("policy", &[(&said, Style::Plain)]);
    }
    for field in change.fields() {
        let values = format!("{} → {}", field.before, field.after);
        match field.direction {
            Direction::Neutral => detail(field.field.name(), &[(&values, Style::Plain)]),
            direction => {
                let said = [(" (", Style::Plain), (direction.name(), style(direction)), (")", Style::Plain)];
                detail(field.field.name(), &[&[(values.as_str(), Style::Plain)], &said[..]].concat());
            }
        }
    }
    // no line break within a side
    let side = |live: Option<&Live>| effective(plan, live).replace(' ', "\u{a0}");
    let sides = format!("{} → {}", side(change.before.as_ref()), side(change.after.as_ref()));
    detail("effective", &[(&sides, Style::Plain)]);
    if let Some(problem) = &change.then {
        text.push_str(&output.line("    ! and no further: ", &reason_and_message(problem)));
    }
    text
}

const fn style(direction: Direction) -> Style {
    match direction {
        Direction::Tightening => Style::Good,
        Direction::Loosening | Direction::Mixed | Direction::Unknown => Style::Bad,
        Direction::Neutral => Style::Plain,
    }
}

/// [`Plan::effective`], or `unknown`.
pub(super) fn effective(plan: &Plan<'_>, live: Option<&Live>) -> String {
    plan.effective(live).unwrap_or_else(|| "unknown".to_owned())
}

/// `customers/acme (org_1, TightenOnly)`.
pub(in crate::gitops) fn title(entry: &Entry<'_>) -> String {
    let manifest = entry.manifest;
    let organization = entry.id.as_ref().map_or_else(|| manifest.spec.organization.to_string(), ToString::to_string);
    let name = manifest.full_name();
    printable(&format!("{name} ({organization}, {})", manifest.spec.mode.name()))
}
