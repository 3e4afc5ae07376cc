//! Writes what a run has found into a page, between two marks, with the day and the commit. Part of the tests of the
//! operator, of the decision alone and of the whole (`tests/core/`, `tests/it/`).
#![allow(clippy::unwrap_used, dead_code, reason = "not each of the three needs all of it")]

use std::{path::Path, process::Command};

/// The day and the commit, which each figure is of.
pub(crate) fn today() -> String {
    let git = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().unwrap();
    let commit = String::from_utf8(git.stdout).unwrap();
    format!("{}, commit {}", &jiff::Timestamp::now().to_string()[..10], commit.trim())
}

/// Writes `figures` into the page between the marks that name them and what makes them.
pub(crate) fn publish(page: &str, name: &str, target: &str, figures: &str) {
    let marks = [format!("<!-- {name}: written by `make {target}` -->"), format!("<!-- end of the {name} -->")];
    let page = Path::new(file!()).parent().unwrap().join("..").join(page);
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(&marks[0]).unwrap();
    let (_, after) = rest.split_once(&marks[1]).unwrap();
    std::fs::write(page, format!("{before}{}\n\n{}\n\n{}{after}", marks[0], figures.trim_end(), marks[1])).unwrap();
}
