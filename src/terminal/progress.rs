//! How far a verb is, on a terminal's standard error; silent where nobody
//! looks, as in a pipeline.

use super::note;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::env;

/// With the whole known; the width keeps within 80 columns.
const BAR: &str = "{msg} [{bar:24}] {pos}/{len}, {eta} left";
/// Without.
const COUNT: &str = "{msg}: {pos}";

/// A bar, or a count where the whole is not known. It is taken away when it is
/// dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// At nothing of `whole`; `doing` says what is done.
    pub fn new(doing: &'static str, whole: Option<usize>) -> Self {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb"); // can't move its cursor
        let target = if dumb { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(whole.map(|whole| whole as u64), target).with_message(doing);
        let style = ProgressStyle::with_template(if whole.is_some() { BAR } else { COUNT });
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self(bar)
    }

    /// One more is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// So many more are done.
    pub fn steps(&self, n: usize) {
        self.0.inc(n as u64);
    }

    /// Says something on the standard error without leaving a piece of the bar
    /// behind; may outlive the bar.
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
