//! The result of a check: for people with a sign, a hint and a page for each line that is not good, for
//! programs as JSON.

use crate::terminal::{Exit, Output, Style, counted, without_codes};
use serde_json::{Value, json};

/// The version of the JSON; a field that goes or changes its meaning makes a new one.
const VERSION: u32 = 1;
/// The page with a section for each check.
const PAGE: &str = "docs/check.md";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// As it should be.
    Good,
    /// It works, or could not be checked; a person should know.
    Warning,
    /// It does not work.
    Failed,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// Its section in the page.
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) message: String,
    /// What to do; empty where nothing is.
    pub(super) hint: String,
}

impl Check {
    pub(super) fn good(name: &'static str, message: impl Into<String>) -> Self {
        Self::of(Status::Good, name, message, "")
    }

    pub(super) fn warning(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of(Status::Warning, name, message, hint)
    }

    pub(super) fn failed(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of(Status::Failed, name, message, hint)
    }

    fn of(status: Status, name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, status, message: without_codes(&message.into()), hint: hint.into() }
    }
}

impl Status {
    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Failed => "×",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Good => Style::Good,
            Self::Warning => Style::Warning,
            Self::Failed => Style::Bad,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// Checks that belong together, such as those of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) checks: Vec<Check>,
}

/// All checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report(pub(super) Vec<Group>);

impl Report {
    /// Failure if a check failed.
    pub(super) fn exit(&self) -> Exit {
        if self.count(Status::Failed) == 0 { Exit::Success } else { Exit::Failure }
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().flat_map(|group| &group.checks).filter(|check| check.status == status).count()
    }

    pub(super) fn text(&self, output: &Output) -> String {
        let mut text = String::new();
        for Group { title, checks } in &self.0 {
            text += &output.line("", &[(title, Style::Strong)]);
            for check in checks {
                let sign = check.status.sign();
                let line = output.paragraph(&format!("{sign} "), &format!("{}: {}", check.name, check.message));
                text += &line.replacen(sign, &output.paint(sign, check.status.style()), 1);
                if !check.hint.is_empty() {
                    text += &output.paragraph("    ", &check.hint);
                }
                if check.status != Status::Good {
                    text += &output.paragraph("    ", &format!("see {}", link(check)));
                }
            }
            text.push('\n');
        }
        let [good, warnings, failed] = [Status::Good, Status::Warning, Status::Failed].map(|status| self.count(status));
        let style = if failed > 0 { Style::Bad } else { Style::Plain };
        text + &output
            .line("", &[(&format!("{good} ok, {}, {failed} failed", counted(warnings, "warning", "warnings")), style)])
    }

    pub(super) fn json(&self) -> Value {
        let check = |check: &Check| {
            let bad = check.status != Status::Good;
            json!({"name": check.name, "status": check.status.name(), "message": check.message,
                "hint": Some(&check.hint).filter(|hint| !hint.is_empty()), "docs": bad.then(|| link(check))})
        };
        let group =
            |group: &Group| json!({"title": group.title, "checks": group.checks.iter().map(check).collect::<Vec<_>>()});
        json!({"version": VERSION, "ok": self.count(Status::Failed) == 0,
            "groups": self.0.iter().map(group).collect::<Vec<_>>()})
    }
}

fn link(check: &Check) -> String {
    format!("{PAGE}#{}", check.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let good = Check::good("token", "issued");
        let bad = Check::failed("definition", "not installed", "kubectl apply -f crds/");
        let may = Check::warning("clock", "90 s off", "");
        Report(vec![
            Group { title: "one".into(), checks: vec![good, may] },
            Group { title: "two".into(), checks: vec![bad] },
        ])
    }

    #[test]
    fn each_line_that_is_not_good_has_a_page_and_says_what_to_do() {
        let text = report().text(&Output::plain(None));
        let expected = "one\n✓ token: issued\n! clock: 90 s off\n    see docs/check.md#clock\n\ntwo\n\
                        × definition: not installed\n    kubectl apply -f crds/\n    see docs/check.md#definition\n\n\
                        1 ok, 1 warning, 1 failed\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_warning_is_no_failure_and_a_program_reads_the_same() {
        assert_eq!(report().exit(), Exit::Failure);
        let json = report().json();
        assert_eq!((&json["version"], &json["ok"]), (&json!(1), &json!(false)));
        assert_eq!(json["groups"][0]["checks"][0]["docs"], Value::Null);
        assert_eq!(json["groups"][1]["checks"][0]["hint"], "kubectl apply -f crds/");
        let without: Vec<Group> = report().0.into_iter().take(1).collect();
        assert_eq!(Report(without).exit(), Exit::Success);
    }
}
