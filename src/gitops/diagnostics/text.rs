//! One line for each diagnostic, `file:line:column: error[rule]: …` as compilers write it, so that
//! editors can open the location.

use super::wording::{excluded, summary};
use crate::{
    gitops::{Loaded, Rule},
    terminal::{Output, Style},
};
use std::io::{self, Write};

pub(super) fn write(loaded: &Loaded, output: &Output, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &loaded.diagnostics {
        let location = diagnostic.location.to_string();
        let (error, summary) = (format!("error[{}]", diagnostic.rule.name()), diagnostic.summary());
        let colon = (": ", Style::Plain);
        let line = [(location.as_str(), Style::Strong), colon, (&error, Style::Bad), colon, (&summary, Style::Plain)];
        out.write_all(output.line("", &line).as_bytes())?;
        if let Some(fix) = &diagnostic.fix {
            out.write_all(output.line("  fix: ", &[(fix, Style::Plain)]).as_bytes())?;
        }
        if let Some(other) = &diagnostic.other {
            out.write_all(output.line("  see: ", &[(&other.to_string(), Style::Plain)]).as_bytes())?;
        }
    }
    for unread in &loaded.unread {
        let (location, rule) = (unread.location.to_string(), format!("warning[{}]", unread.rule.name()));
        let why = if unread.rule == Rule::WrongKind { "" } else { ", it mentions no OrganizationSessionPolicy" };
        let said = format!("skipped{why}: {}", unread.summary());
        let colon = (": ", Style::Plain);
        let line = [(location.as_str(), Style::Strong), colon, (&rule, Style::Warning), colon, (&said, Style::Plain)];
        out.write_all(output.line("", &line).as_bytes())?;
    }
    if let Some(excluded) = excluded(loaded) {
        out.write_all(output.line("", &[(&excluded, Style::Plain)]).as_bytes())?;
    }
    writeln!(out, "{}", summary(loaded))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};

    #[test]
    fn a_finding_is_a_line_with_its_place_rule_and_fix() {
        assert_eq!(
            written(Format::Text),
            "a b/<ü>,:%.yaml:3:7: error[policy]: spec.policy: 100% \"wrong\" & <bad>\\n\n\
             b.yaml:1:2: error[duplicate-resource]: twice\n  fix: remove one\n  see: a.yaml:9:9\n\
             2 findings in 3 policies, 1 document of other kinds skipped\n"
        );
    }
}
