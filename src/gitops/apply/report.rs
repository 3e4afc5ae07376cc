//! What was done and what was not, for people.

use super::run::{Done, End};
use crate::{
    gitops::plan::title,
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

pub(super) fn tally(all: &[Done<'_>]) -> Tally {
    let mut tally = Tally::default();
    for done in all {
        match done.end {
            End::Applied => tally.applied += 1,
            End::Stopped => tally.stopped += 1,
            End::Stale | End::Problem(..) => tally.failed += 1,
        }
    }
    tally
}

/// Writes a line for each organization, and the sum.
pub(super) fn report(out: &mut dyn Write, all: &[Done<'_>], output: &Output) -> io::Result<()> {
    for done in all {
        let title = title(done.entry);
        let written = done.written.iter().map(said).collect::<Vec<_>>().join(", ");
        let written = match (done.written.is_empty(), done.unknown) {
            (true, false) => "nothing was written".to_owned(),
            (false, false) => written,
            (true, true) => "a write may have been applied".to_owned(),
            (false, true) => format!("{written}, and a further write may have been applied"),
        };
        let line = |sign: &str, word: &str, style: Style, said: &str| {
            let pieces = [(title.as_str(), Style::Strong), (": ", Style::Plain), (word, style), (said, Style::Plain)];
            output.line(sign, &pieces)
        };
        let rendered = match &done.end {
            End::Applied if done.written.is_empty() => line("= ", "already so", Style::Plain, ""),
            End::Applied => line("✓ ", &written, Style::Good, ""),
            End::Stopped => line("- ", "not done", Style::Doubtful, &format!(", stopped before; {written}")),
            End::Stale => {
                line("! ", "changed in Scalekit since the plan", Style::Bad, &format!("; {written}; plan again"))
            }
            End::Problem(reason, message) => line("! ", reason.name(), Style::Bad, &format!(": {message} ({written})")),
        };
        out.write_all(rendered.as_bytes())?;
    }
    let Tally { applied, stopped, failed } = tally(all);
    writeln!(out, "{applied} done, {stopped} not done, {failed} failed")
}

fn said(request: &RemoteRequest) -> String {
    match request {
        RemoteRequest::WriteFeatures { .. } => "session_policy switched on".to_owned(),
        RemoteRequest::WritePolicy { policy, .. } => format!("policy set to {policy}"),
        _ => String::new(),
    }
}
