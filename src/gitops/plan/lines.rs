//! The lines below the title of a resource, in `osp plan` and in `osp diff`.

use crate::{
    crd::EffectiveLimits,
    policy::{Bounds, Direction, FieldChange, Live, effective},
    terminal::{Output, Style},
};

/// A line below a resource: a label, and a value in the second column.
pub fn detail(label: &str, pieces: &[(&str, Style)], output: &Output) -> String {
    output.line(&format!("    {label:22}  "), pieces)
}

/// Each field that changes, with its direction, or why it has no effect.
pub fn field_lines(fields: &[FieldChange], output: &Output) -> String {
    let line = |field: &FieldChange| {
        let values = field.values();
        match field.remark() {
            None => detail(field.field.name(), &[(&values, Style::Plain)], output),
            Some(remark) => {
                let pieces = [(values.as_str(), Style::Plain), (" (", Style::Plain)];
                let said = [(remark.as_str(), style(field.direction)), (")", Style::Plain)];
                detail(field.field.name(), &[&pieces[..], &said[..]].concat(), output)
            }
        }
    };
    fields.iter().map(line).collect()
}

/// What applies to new sessions before and after a change.
pub fn effective_line(sides: [Option<&Live>; 2], application: Option<Bounds>, output: &Output) -> String {
    // no line break within a side
    let [before, after] = sides.map(|live| effective_text(live, application).replace(' ', "\u{a0}"));
    let said = if before == after { before } else { format!("{before} → {after}") };
    detail("effective", &[(&said, Style::Plain)], output)
}

/// The absolute and the idle limit of new sessions, and whether each is the organization's or the
/// application's; `unknown` if one of the policies is not known.
pub(super) fn effective_text(live: Option<&Live>, application: Option<Bounds>) -> String {
    effective_limits(live, application).unwrap_or_else(|| "unknown".to_owned())
}

/// [`effective_text`], if both policies are known.
pub(super) fn effective_limits(live: Option<&Live>, application: Option<Bounds>) -> Option<String> {
    EffectiveLimits::from(&effective(application?, Bounds::from(live?))).summary
}

/// The colour of a direction.
pub const fn style(direction: Direction) -> Style {
    match direction {
        Direction::Tightening => Style::Good,
        Direction::Loosening | Direction::Mixed | Direction::Unknown => Style::Bad,
        Direction::Neutral => Style::Plain,
    }
}
