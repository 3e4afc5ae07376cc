//! `osp apply`: plans, asks for confirmation, and writes.

use super::{
    allowance::Allowance,
    in_cluster::{InCluster, warning},
    report::{report, tally},
    run::apply_changes,
};
use crate::{
    gitops::{
        Options,
        connection::Connection,
        file, input,
        plan::{Baseline, LastApplied, PlanOptions, read, refresh, removed, text},
        scalekit::Scalekit,
    },
    terminal::{Exit, Output, Progress, confirm, note, print},
};
use std::{error::Error, path::PathBuf};

/// `osp apply`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files and folders with the manifests; - is the standard input
    #[arg(required_unless_present_any = ["plan", "filename"], conflicts_with = "plan", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The same as PATH, as kubectl has it
    #[arg(short, long, value_name = "PATH", value_delimiter = ',', conflicts_with = "plan", hide = true)]
    filename: Vec<PathBuf>,

    /// Nothing more: folders are always searched with all below them
    #[arg(short = 'R', long = "recursive", hide = true)]
    _recursive: bool,

    /// Accept that there is no policy in the input
    #[arg(long)]
    allow_empty: bool,

    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    baseline: Baseline,

    /// Apply this plan of `osp plan --save`, and only if Scalekit still is as it was then
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["exclude", "max_absolute", "max_idle", "last_applied", "prune"])]
    plan: Option<PathBuf>,

    /// Do not ask for a confirmation
    #[arg(short, long, visible_alias = "auto-approve")]
    yes: bool,

    #[command(flatten)]
    allowance: Allowance,

    /// Do not look whether an operator in the cluster of the kubeconfig keeps these organizations
    #[arg(long)]
    ignore_cluster: bool,

    /// The connection to Scalekit, and the log
    #[command(flatten)]
    pub connection: Connection,
}

/// Applies the changes. Exit 0: all is as declared. 1: something could not be applied, or the answer
/// was no. 3: there are more changes than `--max-changes` or `--max-loosening` allow. 130: a signal stopped it before
/// all was applied. `in_cluster` reads the resources of a cluster that can be reached.
pub async fn run(
    arguments: &Arguments,
    in_cluster: impl AsyncFnOnce() -> Option<InCluster>,
) -> Result<Exit, Box<dyn Error>> {
    let (manifests, unread, saved) = match &arguments.plan {
        Some(path) => {
            let mut saved = read(path).map_err(file::with_path(path))?;
            (std::mem::take(&mut saved.manifests), 0, Some(saved))
        }
        None => {
            let paths = [arguments.paths.as_slice(), &arguments.filename].concat();
            let loaded = input::valid(input::read(&paths, arguments.allow_empty, &arguments.options))?;
            let unread = loaded.not_read();
            (loaded.manifests, unread, None)
        }
    };
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    if let Some(saved) = saved.as_ref().filter(|saved| saved.environment != scalekit.environment()) {
        let (was, is) = (&saved.environment, scalekit.environment());
        return Err(format!("the plan is for {was}, the credentials are for {is}").into());
    }
    let concurrency = arguments.connection.concurrency();
    let pins = saved.as_ref().map(|saved| saved.pins.clone()).unwrap_or_default();
    let last = arguments.baseline.load()?;
    let removed = removed(&manifests, &last);
    let options = PlanOptions {
        manifests: &[manifests, removed.clone()].concat(),
        last_applied: LastApplied::new(&last),
        pins,
        unread,
        removed: removed.len(),
        prune: arguments.baseline.prune,
        lists_all: arguments.baseline.lists_all(),
        concurrency,
    };
    let plan = refresh(&scalekit, &options).await?;
    let counts = plan.counts();
    saved.map_or(Ok(()), |saved| saved.ensure_current(&plan))?;
    let output = Output::stdout();
    print(|out| text(out, &plan, &output))?;
    if !arguments.ignore_cluster
        && let Some(cluster) = in_cluster().await
        && let Some(warning) = warning(&plan, &cluster)
    {
        note(&warning);
    }
    let clean = if counts.problems == 0 { Exit::Success } else { Exit::Failure };
    if counts.changes == 0 {
        return Ok(clean);
    }
    if let Some(why) = arguments.allowance.refuses(&counts, plan.entries.len()) {
        note(&format!("error: {why}; nothing was written"));
        return Ok(Exit::Forbidden);
    }
    if !arguments.yes && !confirm("Apply these changes?")? {
        print(|out| writeln!(out, "nothing was written"))?;
        return Ok(Exit::Failure);
    }
    let progress = Progress::new("Changing organizations", Some(counts.changes));
    scalekit.stop_on_signal(progress.println())?;
    let results = apply_changes(&scalekit, &plan, concurrency, &progress).await;
    drop(progress);
    print(|out| report(out, &results, &output))?;
    let tally = tally(&results);
    Ok(match (tally.stopped, tally.failed) {
        (0, 0) => clean,
        (0, _) => Exit::Failure,
        _ => Exit::Interrupted,
    })
}
