//! The exit codes of all verbs of `osp`, which scripts rely on (`docs/osp.md`).

use std::process::ExitCode;

/// How a verb ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to report.
    Success = 0,
    /// An error, wrong arguments, or a finding.
    Failure = 1,
    /// `plan` has changes; for `status` and `diff`, something is not ready or
    /// differs.
    Findings = 2,
    /// `plan` has a change that `--fail-on` names.
    Forbidden = 3,
    /// `apply` was stopped by a signal: 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
