//! A plan as Markdown, for a comment on a pull request: a summary, and a table to unfold.

use super::{
    Entry, NoOp, Plan, Problem, ResourceChange,
    text::{effective, title},
};
use crate::{
    policy::{diff, summary},
    terminal::printable,
};
use std::io::{self, Write};

/// The most rows that are shown, since a comment at GitHub has at most 65 536 characters.
const MOST_ROWS: usize = 200;

pub(super) fn markdown(out: &mut dyn Write, plan: &Plan<'_>) -> io::Result<()> {
    writeln!(out, "**Session policies** of `{}`: {}\n", plan.environment, plan.counts().summary())?;
    let mut rows = plan.entries.iter().filter_map(|entry| {
        let cells = cells(plan, entry)?;
        Some(format!("| {} | {} |", cell(&title(entry)), cells.map(|text| cell(&text)).join(" | ")))
    });
    let Some(first) = rows.next() else { return Ok(()) };
    writeln!(out, "<details><summary>Details</summary>\n")?;
    writeln!(out, "| resource | what | direction | before → after | effective |\n|---|---|---|---|---|")?;
    writeln!(out, "{first}")?;
    for row in rows.by_ref().take(MOST_ROWS - 1) {
        writeln!(out, "{row}")?;
    }
    let more = rows.count();
    if more > 0 {
        writeln!(out, "\n… and {more} more; `osp plan` shows them all.")?;
    }
    writeln!(out, "\n</details>")
}

fn cells(plan: &Plan<'_>, entry: &Entry<'_>) -> Option<[String; 4]> {
    let none = String::new;
    Some(match &entry.result {
        ResourceChange::NoOp { reason: NoOp::InSync, .. } => return None,
        ResourceChange::NoOp { reason, live, .. } => {
            let drift = summary(&diff(&entry.manifest.spec.policy, live));
            [<&str>::from(reason).to_owned(), none(), drift, effective(plan, Some(live))]
        }
        ResourceChange::Suspended => ["suspended".to_owned(), none(), none(), none()],
        ResourceChange::Problem(Problem { reason, message }) => {
            [format!("problem: {reason}"), none(), message.clone(), none()]
        }
        ResourceChange::Change(change) => {
            let flag = entry.flag_change().map(|feature| format!("feature session_policy {feature}"));
            let then = change.then.as_ref().map(|Problem { reason, message }| format!("then {reason}: {message}"));
            let fields = change.fields();
            let fields = fields.iter().map(|f| {
                let direction = f.direction;
                format!("{} {} → {} ({direction})", f.field.name(), f.before, f.after)
            });
            [
                <&str>::from(change.cause).to_owned(),
                change.direction().to_string(),
                flag.into_iter().chain(fields).chain(then).collect::<Vec<_>>().join("; "),
                format!("{} → {}", effective(plan, change.before.as_ref()), effective(plan, change.after.as_ref())),
            ]
        }
    })
}

/// Escapes text so that it stays in its cell, has no markup, and mentions no user.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in printable(text).chars() {
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
        assert_eq!(cell("a|b <img> @org `x`"), "a\\|b &lt;img&gt; @\u{200b}org \\`x\\`");
    }
}
