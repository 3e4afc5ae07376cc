//! The exit codes of all programs, which scripts rely on (`docs/osp.md`).

use super::note;
use std::{fmt::Display, process};

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to report.
    Success = 0,
    /// An error, wrong arguments, a diagnostic of `validate`, or a check that failed.
    Failure = 1,
    /// `plan` has changes, a resource is not Ready (`status`, `explain`, `reconcile`), the operator that keeps
    /// it is gone (`status`), or the policies differ (`diff`).
    NotAsDeclared = 2,
    /// `plan` has a change that `--fail-on` names, or `apply` more changes than `--max-changes` or `--max-loosening`
    /// allow.
    Forbidden = 3,
    /// `apply` was stopped by a signal: 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl Exit {
    /// The exit code of a verb. Prints an error to the standard error.
    pub fn of(result: Result<Self, impl Display>) -> Self {
        result.unwrap_or_else(|error| {
            note(&format!("error: {error}"));
            Self::Failure
        })
    }

    /// Ends the process at once.
    pub fn exit_now(self) -> ! {
        process::exit(self as i32)
    }
}

impl process::Termination for Exit {
    fn report(self) -> process::ExitCode {
        process::ExitCode::from(self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    const ALL: [Exit; 5] = [Exit::Success, Exit::Failure, Exit::NotAsDeclared, Exit::Forbidden, Exit::Interrupted];

    #[test]
    fn the_manual_has_every_code_and_no_other() {
        let page = include_str!("../../docs/osp.md");
        let table = page.lines().skip_while(|line| *line != "| exit code | means |").skip(2);
        let rows = table.take_while(|line| line.starts_with('|'));
        let codes: Vec<i32> = rows.map(|row| row.split('|').nth(1).unwrap().trim().parse().unwrap()).collect();
        assert_eq!(codes, ALL.map(|exit| exit as i32));
        for exit in ALL {
            match exit {
                // a new one belongs into the list and the manual
                Exit::Success | Exit::Failure | Exit::NotAsDeclared | Exit::Forbidden | Exit::Interrupted => {}
            }
        }
    }

    fn sources(path: &Path, each: &mut impl FnMut(&Path, &str)) {
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| sources(&entry.unwrap().path(), each));
        } else {
            each(path, &fs::read_to_string(path).unwrap());
        }
    }

    #[test]
    fn no_program_has_a_code_of_its_own() {
        for part in ["src/gitops", "src/plugin", "src/bin"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &mut |path, text| {
                for own in ["ExitCode", "process::exit", "Exit::Failure as"] {
                    assert!(!text.contains(own), "{own} in {}", path.display());
                }
            });
        }
    }
}
