//! Workflow commands that GitHub Actions shows as annotations at the lines of a pull request.

use super::wording::{normalised_path, summary};
use crate::gitops::Loaded;
use std::io::{self, Write};

pub(super) fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in &loaded.diagnostics {
        let location = &diagnostic.location;
        writeln!(
            out,
            "::error file={},line={},col={},title={}::{}",
            property(&normalised_path(&location.file)),
            location.line,
            location.column,
            property(diagnostic.rule.name()),
            data(&diagnostic.with_fix()),
        )?;
    }
    writeln!(out, "{}", summary(loaded))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};

    #[test]
    fn what_a_command_is_made_of_is_escaped() {
        assert_eq!(
            written(Format::Github),
            "::error file=a b/<ü>%2C%3A%25.yaml,line=3,col=7,title=policy::spec.policy: 100%25 \"wrong\" & <bad>\\n\n\
             ::error file=b.yaml,line=1,col=2,title=duplicate-resource::twice%0Afix: remove one\n\
             2 findings in 3 policies, 1 document of other kinds skipped\n"
        );
    }
}
