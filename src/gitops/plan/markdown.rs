//! A plan as Markdown, for a comment on a pull request: a summary, each loosening, and a table to unfold.

use super::{Entry, NoOp, Plan, Problem, ResourceChange, lines::effective_text, text::title};
use crate::{
    policy::{Direction, diff, summary},
    terminal::printable,
};
use std::io::{self, Write};

/// The longest text of one cell, in characters.
const LONGEST_CELL: usize = 600;
/// What the lines around the table and the one about what is left out take at most.
const FRAME: usize = 600;

/// Writes at most `most` characters, as the hosts count them: what needs more is left out, and that is said.
pub(super) fn markdown(out: &mut dyn Write, plan: &Plan<'_>, most: usize) -> io::Result<()> {
    let summary = plan.counts().summary();
    let mut text = format!("**Session policies** of `{}`: {summary}\n\n", plan.environment);
    if let Some(said) = plan.in_no_file() {
        text.push_str(&format!("{}\n\n", cell(&said)));
    }
    let room = most.saturating_sub(FRAME + length(&text));
    let looser: Vec<String> = plan.entries.iter().filter_map(|entry| loosening(plan, entry)).collect();
    let shown = fitting(&looser, room);
    for line in looser.iter().take(shown) {
        text.push_str(line);
    }
    match looser.len() - shown {
        0 => {}
        more => text.push_str(&format!("- … and {more} more that loosen something or may\n")),
    }
    let rows = plan.entries.iter().filter_map(|entry| Some((entry, row(plan, entry)?)));
    let (entries, rows): (Vec<&Entry<'_>>, Vec<String>) = rows.unzip();
    if !rows.is_empty() {
        text.push_str(if looser.is_empty() { "" } else { "\n" });
        text.push_str("<details><summary>Details</summary>\n\n");
        text.push_str("| resource | what | direction | live → planned | effective |\n|---|---|---|---|---|\n");
        let shown = fitting(&rows, most.saturating_sub(FRAME + length(&text)));
        rows.iter().take(shown).for_each(|row| text.push_str(row));
        if let Some(left_out) = left_out(plan, entries.get(shown..).unwrap_or_default()) {
            text.push_str(&format!("\n{left_out}\n"));
        }
        text.push_str("\n</details>\n");
    }
    out.write_all(text.as_bytes())
}

/// The length of a text as GitHub and GitLab count it at most: in UTF-16.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How many of `lines`, from the first on, fit into `room`.
fn fitting(lines: &[String], mut room: usize) -> usize {
    let fits = |line: &&String| {
        let left = room.checked_sub(length(line));
        room = left.unwrap_or_default();
        left.is_some()
    };
    lines.iter().take_while(fits).count()
}

/// Says what of the table is left out.
fn left_out(plan: &Plan<'_>, entries: &[&Entry<'_>]) -> Option<String> {
    let direction = |entry: &Entry<'_>| match &entry.result {
        ResourceChange::Change(change) => Some(change.direction(plan.limits())),
        _ => None,
    };
    let count =
        |wanted: &[Direction]| entries.iter().filter(|e| direction(e).is_some_and(|d| wanted.contains(&d))).count();
    let loosening = count(&[Direction::Loosening, Direction::Mixed, Direction::Unknown]);
    let tightening = count(&[Direction::Tightening]);
    let others = entries.len() - loosening - tightening;
    let parts = [(loosening, "loosening, mixed or unknown"), (tightening, "tightening"), (others, "others")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    (!parts.is_empty()).then(|| {
        format!(
            "… and {} more ({}), left out since a comment can't be longer; `osp plan` shows them all.",
            entries.len(),
            parts.join(", ")
        )
    })
}

/// A line for a change that loosens something or may, which no reader has to unfold.
fn loosening(plan: &Plan<'_>, entry: &Entry<'_>) -> Option<String> {
    let ResourceChange::Change(change) = &entry.result else { return None };
    let direction = change.direction(plan.limits());
    if !matches!(direction, Direction::Loosening | Direction::Mixed | Direction::Unknown) {
        return None;
    }
    let fields = change.fields(plan.limits());
    let looser = fields.iter().filter(|field| matches!(field.direction, Direction::Loosening | Direction::Unknown));
    let looser: Vec<String> = looser.map(|f| format!("{} {}", f.field.name(), f.values())).collect();
    let said = if looser.is_empty() { "the live policy can't be read".to_owned() } else { looser.join("; ") };
    Some(format!("- **{direction}** {}: {}\n", cell(&title(entry)), cell(&said)))
}

fn row(plan: &Plan<'_>, entry: &Entry<'_>) -> Option<String> {
    let cells = cells(plan, entry)?;
    Some(format!("| {} | {} |\n", cell(&title(entry)), cells.map(|text| cell(&text)).join(" | ")))
}

fn cells(plan: &Plan<'_>, entry: &Entry<'_>) -> Option<[String; 4]> {
    let none = String::new;
    Some(match &entry.result {
        ResourceChange::NoOp { reason, live, .. } => {
            let warning = plan.ineffective(entry).map(|said| format!("warning: {said}"));
            if *reason == NoOp::InSync && warning.is_none() {
                return None;
            }
            let drift = Some(summary(&diff(&entry.manifest.spec.policy, live))).filter(|drift| !drift.is_empty());
            let drift = drift.into_iter().chain(warning).collect::<Vec<_>>().join("; ");
            [<&str>::from(reason).to_owned(), none(), drift, effective_text(Some(live), plan.limits())]
        }
        ResourceChange::Suspended => ["suspended".to_owned(), none(), none(), none()],
        ResourceChange::Problem(Problem { reason, message, .. }) => {
            [format!("problem: {reason}"), none(), message.clone(), none()]
        }
        ResourceChange::Change(change) => {
            let flag = entry.flag_change().map(|feature| format!("feature session_policy {feature}"));
            let then = change.then.as_ref().map(|Problem { reason, message, .. }| format!("then {reason}: {message}"));
            let fields = change.fields(plan.limits());
            let fields = fields.iter().map(|f| match f.remark() {
                Some(remark) => format!("{} {} ({remark})", f.field.name(), f.values()),
                None => format!("{} {}", f.field.name(), f.values()),
            });
            let warning = plan.ineffective(entry).map(|said| format!("warning: {said}"));
            [
                <&str>::from(change.cause).to_owned(),
                change.direction(plan.limits()).to_string(),
                flag.into_iter().chain(fields).chain(warning).chain(then).collect::<Vec<_>>().join("; "),
                format!(
                    "{} → {}",
                    effective_text(change.before.as_ref(), plan.limits()),
                    effective_text(change.after.as_ref(), plan.limits())
                ),
            ]
        }
    })
}

/// Escapes text so that it stays in its cell, has no markup, and mentions no user.
fn cell(text: &str) -> String {
    let (mut safe, text) = (String::new(), printable(text));
    let cut = if text.chars().count() > LONGEST_CELL { "…" } else { "" };
    for c in text.chars().take(LONGEST_CELL).chain(cut.chars()) {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("@\u{200b}"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_cell() {
        assert_eq!(cell("\u{2028}"), "\\\\u{2028}");
        assert_eq!(cell(&"x".repeat(700)).chars().count(), 601);
        assert_eq!(cell("a|b <img> @org `x`"), "a\\|b &lt;img&gt; @\u{200b}org \\`x\\`");
    }
}
