//! A progress bar on the standard error, if that is a terminal.

use super::note;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::env;

/// The template if the total is known; it fits 80 columns.
const BAR: &str = "{msg} [{bar:24}] {pos}/{len}, {eta} left";
/// The template if the total is not known.
const COUNT: &str = "{msg}: {pos}";

/// A bar, or a counter if the total is not known. Dropping it clears it.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows zero of `total`, after the word `doing`.
    pub fn new(doing: &'static str, total: Option<usize>) -> Self {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb"); // can't move its cursor
        let target = if dumb { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total.map(|total| total as u64), target).with_message(doing);
        let style = ProgressStyle::with_template(if total.is_some() { BAR } else { COUNT });
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self(bar)
    }

    /// Counts one more.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Counts `n` more.
    pub fn steps(&self, n: usize) {
        self.0.inc(n as u64);
    }

    /// Prints lines on the standard error above the bar; may outlive the bar.
    pub fn println(&self) -> impl Fn(&str) + Send + use<> {
        let bar = self.0.clone();
        move |text| bar.suspend(|| note(text))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
