//! A plan as text, for people.

use super::{
    Change, Entry, NoOp, Plan, Problem, ResourceChange, SharedProblems,
    lines::{detail, effective_line, field_lines, style},
};
use crate::{
    policy::{diff, summary},
    terminal::{Output, Style, printable},
};
use std::io::{self, Write};

/// Writes a paragraph for each resource that is not as declared, and the summary.
pub(in crate::gitops) fn text(out: &mut dyn Write, plan: &Plan<'_>, output: &Output) -> io::Result<()> {
    let problems = plan.entries.iter().filter_map(|entry| match &entry.result {
        ResourceChange::Problem(problem) => Some((title(entry), problem)),
        _ => None,
    });
    let shared = SharedProblems::of(problems);
    out.write_all(shared.text("", output).as_bytes())?;
    for entry in &plan.entries {
        if matches!(&entry.result, ResourceChange::Problem(problem) if shared.has(problem)) {
            continue;
        }
        let title = title(entry);
        let head = |sign: &str, pieces: &[(&str, Style)]| {
            output.line(sign, &[&[(title.as_str(), Style::Strong), (": ", Style::Plain)], pieces].concat())
        };
        let ineffective = plan.ineffective(entry);
        let rendered = match &entry.result {
            ResourceChange::NoOp { reason: NoOp::InSync, .. } if ineffective.is_none() => continue,
            ResourceChange::NoOp { reason, live } => {
                let drift = summary(&diff(&entry.manifest.spec.policy, live));
                let said = match reason {
                    NoOp::InSync => "as declared".to_owned(),
                    NoOp::Drifted => format!("drift, only observed: {drift}"),
                    NoOp::StricterKept => format!("stricter than declared, kept: {drift}"),
                };
                head("= ", &[(&said, Style::Plain)])
            }
            ResourceChange::Suspended => head("- ", &[("skipped, suspended", Style::Plain)]),
            ResourceChange::Problem(problem) => head("! ", &reason_and_message(problem)),
            ResourceChange::Change(change) => {
                let direction = change.direction(plan.limits());
                let cause = change.cause.into();
                let direction = [(" (", Style::Plain), (direction.name(), style(direction)), (")", Style::Plain)];
                head("~ ", &[&[(cause, Style::Plain)], &direction[..]].concat()) + &details(plan, entry, change, output)
            }
        };
        out.write_all(rendered.as_bytes())?;
        if let Some(said) = ineffective {
            out.write_all(detail("warning", &[(&said, Style::Warning)], output).as_bytes())?;
        }
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
    if let Some(flag) = entry.flag_change() {
        text.push_str(&detail("feature session_policy", &[(flag, Style::Plain)], output));
    }
    if change.before.is_none() {
        let declared = entry.manifest.spec.policy.to_string();
        let said = format!("can't be read before the feature is on; declared: {declared}");
        text.push_str(&detail("policy", &[(&said, Style::Plain)], output));
    }
    text.push_str(&field_lines(&change.fields(plan.limits()), output));
    text.push_str(&effective_line([change.before.as_ref(), change.after.as_ref()], plan.limits(), output));
    if let Some(problem) = &change.then {
        text.push_str(&output.line("    ! and no further: ", &reason_and_message(problem)));
    }
    text
}

/// `customers/acme (org_1, TightenOnly)`.
pub(in crate::gitops) fn title(entry: &Entry<'_>) -> String {
    let manifest = entry.manifest;
    let organization = entry.id.as_ref().map_or_else(|| manifest.spec.organization.described(), ToString::to_string);
    let name = manifest.full_name();
    printable(&format!("{name} ({organization}, {})", manifest.spec.mode.name()))
}
