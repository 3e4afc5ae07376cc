//! Problems that are not an organization's own, such as an outage: said once for all that have them.

use super::Problem;
use crate::terminal::{Output, Style};

/// How many resources are named that have the same problem.
const MOST_NAMES: usize = 10;

/// The problems that several resources have.
pub(in crate::gitops) struct SharedProblems<'a>(Vec<Shared<'a>>);

struct Shared<'a> {
    problem: &'a Problem,
    /// [`Problem::shared`] of the first one. Of an outage the first ones know more: the requests after
    /// them are not even sent.
    text: &'a str,
    titles: Vec<String>,
}

impl<'a> SharedProblems<'a> {
    /// Of `all`, the problems of resources with these titles.
    pub(in crate::gitops) fn of(all: impl Iterator<Item = (String, &'a Problem)>) -> Self {
        let mut found = Self(Vec::new());
        for (title, problem) in all {
            let Some(text) = problem.shared.as_deref() else { continue };
            match found.0.iter_mut().find(|shared| shared.is(problem)) {
                Some(shared) => shared.titles.push(title),
                None => found.0.push(Shared { problem, text, titles: vec![title] }),
            }
        }
        found.0.retain(|shared| shared.titles.len() > 1);
        found
    }

    /// Whether [`Self::text`] says it.
    pub(in crate::gitops) fn has(&self, problem: &Problem) -> bool {
        self.0.iter().any(|shared| shared.is(problem))
    }

    /// Each problem, followed by `remark`, and the resources that have it.
    pub(in crate::gitops) fn text(&self, remark: &str, output: &Output) -> String {
        self.0.iter().map(|shared| shared.text(remark, output)).collect()
    }
}

impl Shared<'_> {
    fn is(&self, problem: &Problem) -> bool {
        self.problem.reason == problem.reason && problem.shared.is_some()
    }

    fn text(&self, remark: &str, output: &Output) -> String {
        let count = format!("{} policies", self.titles.len());
        let pieces = [
            (count.as_str(), Style::Strong),
            (": ", Style::Plain),
            (self.problem.reason.name(), Style::Bad),
            (": ", Style::Plain),
            (self.text, Style::Plain),
            (remark, Style::Plain),
        ];
        let mut names = self.titles.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
        if let Some(more) = self.titles.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
            names.push_str(&format!(" and {more} more"));
        }
        output.line("! ", &pieces) + &output.line("    ", &[(&names, Style::Plain)])
    }
}
