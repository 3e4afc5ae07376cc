//! JUnit's XML, which every CI server shows: a passed case for each valid resource, and a failed one
//! for each diagnostic.

use crate::gitops::Loaded;
use std::{
    collections::HashMap,
    io::{self, Write},
};

pub(super) fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    let failures = loaded.diagnostics.len();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", loaded.manifests.len() + failures);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"osp validate\" {counts}>")?;
    writeln!(out, "  <testsuite name=\"osp validate\" {counts} skipped=\"0\">")?;
    let mut cases = Cases::default();
    for manifest in &loaded.manifests {
        writeln!(out, "    <testcase {}/>", cases.attributes(&manifest.location.file, manifest.full_name()))?;
    }
    for diagnostic in &loaded.diagnostics {
        let (location, rule) = (&diagnostic.location, diagnostic.rule.name());
        let message = xml(&diagnostic.summary());
        let text = xml(&format!("{location}: {}", diagnostic.with_fix()));
        let case = cases.attributes(&location.file, format!("{rule} at {}:{}", location.line, location.column));
        writeln!(out, "    <testcase {case}>")?;
        writeln!(out, "      <failure type=\"{rule}\" message=\"{message}\">{text}</failure>\n    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// Counts equal pairs of class and name, to number them: of two equal cases GitLab shows one.
#[derive(Default)]
struct Cases<'a>(HashMap<(&'a str, String), usize>);

impl<'a> Cases<'a> {
    fn attributes(&mut self, file: &'a str, name: String) -> String {
        let attributes = format!("classname=\"{}\" name=\"{}", xml(file), xml(&name));
        let count = self.0.entry((file, name)).or_default();
        *count += 1;
        if *count == 1 { format!("{attributes}\"") } else { format!("{attributes} ({count})\"") }
    }
}

/// Escapes `text` for an element or an attribute, and drops the characters that XML cannot hold.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::{Format, samples::written};
    use super::*;

    #[test]
    fn every_finding_is_a_failed_case() {
        let written = written(Format::Junit);
        assert!(written.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{written}");
        assert!(written.contains("tests=\"2\" failures=\"2\""), "{written}");
        let case = "<testcase classname=\"a b/&lt;ü&gt;,:%.yaml\" name=\"policy at 3:7\">\n      <failure type=\"policy\" \
                    message=\"spec.policy: 100% &quot;wrong&quot; &amp; &lt;bad&gt;\\n\">";
        assert!(written.contains(case), "{written}");
    }

    #[test]
    fn no_two_cases_are_named_alike() {
        let mut cases = Cases::default();
        let mut attributes = |file, name: &str| cases.attributes(file, name.into());
        let names = [attributes("a", "x"), attributes("a", "x"), attributes("a", "x"), attributes("b", "x")];
        let expected = [("a", "x"), ("a", "x (2)"), ("a", "x (3)"), ("b", "x")];
        assert_eq!(names, expected.map(|(file, name)| format!("classname=\"{file}\" name=\"{name}\"")));
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(xml("a\u{1}\u{ffff}\r\n'"), "a\n'");
    }
}
