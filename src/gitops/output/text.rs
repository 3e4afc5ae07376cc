//! One line for each finding, as compilers write it and editors find it.

use super::{Loaded, summary};
use std::io::{self, Write};

pub(super) fn write(loaded: &Loaded, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let (bold, red, plain) = if colour { ("\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m") } else { ("", "", "") };
    for finding in &loaded.findings {
        let (place, rule) = (&finding.place, finding.rule.name());
        writeln!(out, "{bold}{place}{plain}: {red}error[{rule}]{plain}: {}", finding.summary())?;
        if let Some(fix) = &finding.fix {
            writeln!(out, "  fix: {fix}")?;
        }
        if let Some(other) = &finding.other {
            writeln!(out, "  see: {other}")?;
        }
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
