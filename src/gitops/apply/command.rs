//! `osp apply`: plan, ask, write.

use super::{
    report::{report, tally},
    run::changes,
};
use crate::{
    gitops::{
        connection::Connection,
        plan::{Failure, LastApplied, PlanOptions, block_on, finish, input, load, read, refresh, text},
        scalekit::Scalekit,
    },
    terminal::{Exit, Output, Progress, print},
};
use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

/// `osp apply`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files and folders with the manifests; - is the standard input
    #[arg(required_unless_present = "plan", conflicts_with = "plan", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Apply this plan of `osp plan --save`, and only if Scalekit still is as it was then
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// How Scalekit is reached, and how much is told of it
    #[command(flatten)]
    pub connection: Connection,
}

/// Makes the changes. 0: all is as declared. 1: not all of it could be done, or
/// the answer was no. 130: stopped by a signal before all was done.
pub fn run(arguments: &Arguments) -> ExitCode {
    finish(block_on(apply(arguments)))
}

async fn apply(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (manifests, saved) = match &arguments.plan {
        Some(file) => {
            let mut saved = read(file).map_err(Failure::io(file.display()))?;
            (std::mem::take(&mut saved.manifests), Some(saved))
        }
        None => (load(&arguments.paths)?, None),
    };
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    if let Some(saved) = saved.as_ref().filter(|saved| saved.environment != scalekit.environment()) {
        let (was, is) = (&saved.environment, scalekit.environment());
        return Err(Failure::Input(vec![format!("the plan is for {was:?}, the credentials are for {is:?}")]));
    }
    let at_once = arguments.connection.concurrency();
    let pins = saved.as_ref().map(|saved| saved.pins.clone()).unwrap_or_default();
    let plan =
        refresh(&scalekit, &PlanOptions { manifests: &manifests, last: LastApplied::default(), pins, at_once }).await?;
    let counts = plan.counts();
    input(saved.map(|saved| saved.stale(&plan)).unwrap_or_default())?;
    let output = Output::stdout();
    print(|out| text(out, &plan, &output)).map_err(Failure::output)?;
    let clean = if counts.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if counts.changes == 0 {
        return Ok(clean);
    }
    if !arguments.yes && !confirm()? {
        print(|out| writeln!(out, "nothing was written")).map_err(Failure::output)?;
        return Ok(ExitCode::FAILURE);
    }
    let progress = Progress::new("Changing organizations", Some(counts.changes));
    let stop = scalekit.stop_on_signal(progress.println());
    stop.map_err(Failure::io("signals"))?;
    let done = changes(&scalekit, &plan, at_once, &progress).await;
    drop(progress);
    print(|out| report(out, &done, &output)).map_err(Failure::output)?;
    let tally = tally(&done);
    Ok(match (tally.stopped, tally.failed) {
        (0, 0) => clean,
        (0, _) => ExitCode::FAILURE,
        _ => Exit::Interrupted.into(),
    })
}

/// Asks for a yes on the terminal; without one, `--yes` is required.
fn confirm() -> Result<bool, Failure> {
    let failed = || Failure::io("the question");
    if !io::stdin().is_terminal() {
        return Err(Failure::Input(vec!["there is no terminal to confirm on: use --yes".to_owned()]));
    }
    let mut out = io::stderr();
    write!(out, "Apply these changes? Only 'yes' will be accepted: ").and_then(|()| out.flush()).map_err(failed())?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response).map_err(failed())?;
    Ok(response.trim() == "yes")
}
