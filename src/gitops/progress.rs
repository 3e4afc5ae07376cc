//! How far a verb is, on a terminal's stderr; silent where nobody looks, as in
//! a pipeline.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// The time between two lines; a terminal is not a log.
const BETWEEN: Duration = Duration::from_millis(100);

/// One line that is written over and over.
pub(super) struct Progress {
    shows: bool,
    last: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { shows: stderr().is_terminal(), last: None }
    }

    /// Shows `text` unless something was shown a moment ago.
    pub(super) fn say(&mut self, text: &str) {
        if self.shows && self.last.is_none_or(|last| last.elapsed() >= BETWEEN) {
            self.last = Some(Instant::now());
            drop(write!(stderr(), "\r\x1b[K{text}"));
        }
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if self.last.take().is_some() {
            drop(write!(stderr(), "\r\x1b[K"));
        }
    }
}
