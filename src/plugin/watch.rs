//! `osp status -w`: the table, and then a line for each change, as `kubectl get -w` prints them.

use super::{
    cluster::Cluster,
    failure::Failure,
    operators::Operators,
    output::{CommandOutput, VerbResult},
    summary::Summary,
};
use crate::{
    crd::OrganizationSessionPolicy,
    terminal::{Exit, note},
};
use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    ResourceExt,
    runtime::watcher::{Error, Event},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    pin::pin,
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};

/// What is watched, and how it is shown.
pub(super) struct Watch<'a> {
    pub(super) everywhere: bool,
    pub(super) selector: Option<&'a str>,
    /// Empty: all.
    pub(super) names: &'a [String],
    /// The lines for these policies, in their order; the header is before them, if there is one.
    pub(super) lines: &'a dyn Fn(&[Summary<'_>]) -> Vec<String>,
}

/// The time between two looks at the Leases; one that is not renewed for so long is over.
const LOOK: Duration = Duration::from_secs(15);

/// The time between two looks at whether somebody still reads: `| head -1` must not wait for the next change.
const READER: Duration = Duration::from_millis(500);

type Known = BTreeMap<(Option<String>, String), OrganizationSessionPolicy>;

/// Prints until the output is closed, a signal ends the process, or the resources can't be listed.
pub(super) async fn run(cluster: &Cluster, watch: &Watch<'_>) -> VerbResult {
    let (mut known, mut listed, mut kept) = (Known::new(), false, true);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reader = interval(READER);
    reader.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = pin!(cluster.watch(watch.everywhere, watch.selector));
    let done = || Ok(CommandOutput { text: String::new(), exit: Exit::Success });
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = reader.tick(), if listed => match nobody_reads() {
                true => return done(),
                false => continue,
            },
            _ = looks.tick(), if listed => {
                kept = look(cluster, &known, kept).await;
                continue;
            }
        };
        let Some(event) = event else { return done() };
        let changed = match event {
            Ok(Event::Init) => continue,
            Ok(Event::InitDone) => None,
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                let Some(resource) = object.0.ok().filter(|it| watch.has(&it.name_any())) else { continue };
                let key = (resource.namespace(), resource.name_any());
                known.insert(key.clone(), resource);
                if !listed {
                    continue;
                }
                Some(key)
            }
            Ok(Event::Delete(object)) => {
                let key = (object.namespace(), object.name_any());
                if known.remove(&key).is_some() {
                    note(&format!("{} is gone", key.1));
                }
                continue;
            }
            Err(error) if !listed => return Err(failure(cluster, error)),
            Err(error) => {
                note(&format!("warning: {}", failure(cluster, error)));
                continue;
            }
        };
        if changed.is_none() && listed {
            continue; // listed again after the watch broke off
        }
        if print(watch, &known, changed.as_ref()).is_err() {
            return done();
        }
        listed = true;
    }
}

/// Whether the other end of the output, a pipe, is closed.
fn nobody_reads() -> bool {
    let out = io::stdout();
    let mut polled = [PollFd::new(&out, PollFlags::empty())];
    let ready = poll(&mut polled, Some(&Timespec::default()));
    ready.is_ok_and(|ready| ready > 0)
}

/// Says that an operator is gone, or is there again, if that has changed; returns whether all are there. A status that
/// nobody keeps any more does not change.
async fn look(cluster: &Cluster, known: &Known, before: bool) -> bool {
    let namespaces = known.keys().filter_map(|(namespace, _)| namespace.as_deref()).collect();
    // what can't be read is said of the watch
    let Ok(operators) = Operators::read(cluster, Some(&namespaces)).await else { return before };
    let gone = operators.gone(&namespaces, Timestamp::now());
    match (before, gone.is_empty()) {
        (true, false) => gone.iter().for_each(|gone| note(&format!("warning: {gone}"))),
        (false, true) => note("an operator is there again"),
        _ => {}
    }
    gone.is_empty()
}

impl Watch<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|known| known == name)
    }
}

/// The line of one policy, as wide as the table of all; or the table.
fn print(watch: &Watch<'_>, known: &Known, changed: Option<&(Option<String>, String)>) -> io::Result<()> {
    let mut summaries: Vec<Summary<'_>> = known.values().map(Summary::of).collect();
    summaries.sort_by_key(|s| (s.severity(), s.namespace(), s.name()));
    let lines = (watch.lines)(&summaries);
    let header = lines.len() - summaries.len();
    let is_shown = |summary: &Summary<'_>| {
        changed
            .is_none_or(|(namespace, name)| summary.name() == name && Some(summary.namespace()) == namespace.as_deref())
    };
    let mut out = io::stdout().lock();
    for line in lines.iter().take(header).filter(|_| changed.is_none()) {
        writeln!(out, "{line}")?;
    }
    for (line, _) in lines.iter().skip(header).zip(&summaries).filter(|(_, summary)| is_shown(summary)) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn failure(cluster: &Cluster, error: Error) -> Failure {
    match error {
        Error::InitialListFailed(error) => cluster.failure(error, "list"),
        Error::WatchStartFailed(error) | Error::WatchFailed(error) => cluster.failure(error, "watch"),
        other => Failure::Refused(other.to_string()),
    }
}
