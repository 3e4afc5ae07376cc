//! The result of `osp apply`, for people.

use super::run::{ApplyOutcome, ApplyResult};
use crate::{
    gitops::plan::{Problem, SharedProblems, title},
    reconcile::RemoteRequest,
    terminal::{Output, Style},
};
use std::io::{self, Write};

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) applied: usize,
    pub(super) stopped: usize,
    pub(super) failed: usize,
}

pub(super) fn tally(all: &[ApplyResult<'_>]) -> Tally {
    let mut tally = Tally::default();
    for result in all {
        match result.outcome {
            ApplyOutcome::Applied => tally.applied += 1,
            ApplyOutcome::Stopped => tally.stopped += 1,
            ApplyOutcome::Stale | ApplyOutcome::Problem(_) => tally.failed += 1,
        }
    }
    tally
}

/// Prints what became of each resource, and the totals.
pub(super) fn report(out: &mut dyn Write, all: &[ApplyResult<'_>], output: &Output) -> io::Result<()> {
    let shared =
        SharedProblems::of(all.iter().filter_map(|result| Some((title(result.entry), without_write(result)?))));
    out.write_all(shared.text(" (nothing was written)", output).as_bytes())?;
    for result in all {
        if without_write(result).is_some_and(|problem| shared.has(problem)) {
            continue;
        }
        let title = title(result.entry);
        let written = result.written.iter().map(said).collect::<Vec<_>>().join(", ");
        let written = match (result.written.is_empty(), result.unknown) {
            (true, false) => "nothing was written".to_owned(),
            (false, false) => written,
            (true, true) => "a write may have been applied".to_owned(),
            (false, true) => format!("{written}, and a further write may have been applied"),
        };
        let line = |sign: &str, word: &str, style: Style, said: &str| {
            let pieces = [(title.as_str(), Style::Strong), (": ", Style::Plain), (word, style), (said, Style::Plain)];
            output.line(sign, &pieces)
        };
        let rendered = match &result.outcome {
            ApplyOutcome::Applied if result.written.is_empty() => line("= ", "already so", Style::Plain, ""),
            ApplyOutcome::Applied => line("✓ ", &written, Style::Good, ""),
            ApplyOutcome::Stopped => line("- ", "not done", Style::Warning, &format!(", stopped before; {written}")),
            ApplyOutcome::Stale => {
                line("! ", "changed in Scalekit since the plan", Style::Bad, &format!("; {written}; plan again"))
            }
            ApplyOutcome::Problem(problem) => {
                let said = format!(": {} ({written})", problem.message);
                line("! ", problem.reason.name(), Style::Bad, &said)
            }
        };
        out.write_all(rendered.as_bytes())?;
    }
    let Tally { applied, stopped, failed } = tally(all);
    writeln!(out, "{applied} done, {stopped} not done, {failed} failed")
}

/// The problem of an organization to which nothing was written.
fn without_write<'a>(result: &'a ApplyResult<'_>) -> Option<&'a Problem> {
    match &result.outcome {
        ApplyOutcome::Problem(problem) if result.written.is_empty() && !result.unknown => Some(problem),
        _ => None,
    }
}

fn said(request: &RemoteRequest) -> String {
    match request {
        RemoteRequest::WriteFeatures { .. } => "session_policy switched on".to_owned(),
        RemoteRequest::WritePolicy { policy, .. } => format!("policy set to {policy}"),
        _ => String::new(),
    }
}
