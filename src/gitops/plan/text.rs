//! A plan for people. Values that came from outside are shown without control
//! characters, so that no name can write on a terminal.

use super::{Change, Entry, Finding, Plan, Problem, Rest, shape::mode};
use crate::{
    crd::EffectiveLimits,
    policy::{Direction, Effective, Live, diff, summary},
};
use std::io::{self, IsTerminal, Write};

/// Whether the text is coloured.
#[derive(Debug, Clone, Copy)]
pub(in crate::gitops) struct Style {
    colour: bool,
}

impl Style {
    /// Colour on a terminal, unless `NO_COLOR` asks for none.
    pub(in crate::gitops) fn of_stdout() -> Self {
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: io::stdout().is_terminal() && !asked_not_to }
    }

    fn paint(self, direction: Direction, text: &str) -> String {
        let code = match direction {
            Direction::Tightening => "32",
            Direction::Loosening | Direction::Mixed | Direction::Unknown => "31",
            Direction::Neutral => return text.to_owned(),
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes all but what is as declared, and the sum of it all.
pub(in crate::gitops) fn text(out: &mut dyn Write, plan: &Plan<'_>, style: Style) -> io::Result<()> {
    for entry in &plan.entries {
        match &entry.finding {
            Finding::Settled { rest: Rest::InSync, .. } => {}
            Finding::Settled { rest, live, .. } => {
                let said = match rest {
                    Rest::Drifted => "drift, only observed",
                    _ => "stricter than declared, kept",
                };
                let drift = summary(&diff(&entry.manifest.declaration.policy, live));
                writeln!(out, "= {}: {said}: {drift}", title(entry))?;
            }
            Finding::Suspended => writeln!(out, "- {}: skipped, spec.suspend is true", title(entry))?,
            Finding::Problem(Problem { reason, message }) => writeln!(out, "! {}: {reason}: {message}", title(entry))?,
            Finding::Change(change) => one(out, plan, entry, change, style)?,
        }
    }
    writeln!(out, "{}: {}", plan.environment, plan.counts().summary())
}

fn one(out: &mut dyn Write, plan: &Plan<'_>, entry: &Entry<'_>, change: &Change, style: Style) -> io::Result<()> {
    let direction = change.direction();
    let named = style.paint(direction, direction.name());
    writeln!(out, "~ {}: {} ({named})", title(entry), change.cause.name())?;
    if let Some(feature) = entry.flag_change() {
        writeln!(out, "    feature session_policy  {feature}")?;
    }
    if change.before.is_none() {
        writeln!(out, "    the policy can't be read before the feature is on; declared: {}", declared(entry))?;
    }
    for field in change.fields() {
        let direction = match field.direction {
            Direction::Neutral => String::new(),
            direction => format!("  {}", style.paint(direction, direction.name())),
        };
        writeln!(out, "    {}  {} → {}{direction}", field.field.name(), field.before, field.after)?;
    }
    let shown = |live: Option<&Live>| effective(live.and_then(|live| plan.effective(live)));
    writeln!(out, "    effective  {} → {}", shown(change.before.as_ref()), shown(change.after.as_ref()))?;
    match &change.then {
        Some(Problem { reason, message }) => writeln!(out, "    ! and no further: {reason}: {message}"),
        None => Ok(()),
    }
}

/// What applies, absolute and idle, and who set it.
pub(super) fn effective(effective: Option<Effective>) -> String {
    let summary = effective.and_then(|effective| EffectiveLimits::from(&effective).summary);
    summary.unwrap_or_else(|| "unknown".to_owned())
}

fn declared(entry: &Entry<'_>) -> String {
    entry.manifest.declaration.policy.to_string()
}

/// `customers/acme (org_1, TightenOnly)`.
pub(in crate::gitops) fn title(entry: &Entry<'_>) -> String {
    let manifest = entry.manifest;
    let organization = match &entry.id {
        Some(id) => id.to_string(),
        None => manifest.declaration.organization.to_string(),
    };
    let name = match &manifest.namespace {
        Some(namespace) => format!("{namespace}/{}", manifest.name),
        None => manifest.name.clone(),
    };
    plain(&format!("{name} ({organization}, {})", mode(manifest.declaration.mode)))
}

/// `text` without anything that a terminal takes for a command or that turns
/// the direction of writing.
pub(in crate::gitops) fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}
