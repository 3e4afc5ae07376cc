//! The verbs of `osp` and `kubectl osp` that read a cluster: the status of the policies, the reason
//! for it, and what to do. They print what the operator wrote into the status, and none of them reads a
//! Secret; only `diff` sends requests to Scalekit, if it gets credentials, and those only read.

mod age;
mod cluster;
mod complete;
mod delivery;
mod diff;
mod explain;
mod failure;
mod history;
mod limits;
mod named;
mod operators;
mod output;
mod reconcile;
mod selected;
mod status;
mod summary;
mod suspend;
mod table;
mod version;
mod watch;

use crate::terminal::{Exit, Output, print};
use clap::Subcommand;
pub use cluster::resources;
pub(crate) use cluster::{Cluster, Connection, Object};
pub use complete::{Completion, complete};
pub(crate) use failure::Failure;
pub(crate) use operators::{Operator, Operators};
use output::CommandOutput;
use selected::ResourceArguments;
use std::error::Error;
pub(crate) use version::versions;

/// The verbs, each a module with its `Arguments` and its `run`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the status of one policy, or of all in a namespace; problems first
    Status(status::Arguments),
    /// Compare the declared with the live policy, field by field, in the form of plan
    Diff(diff::Arguments),
    /// Explain a policy: what is declared, what applies, why, and what to do
    Explain(ResourceArguments),
    /// Show what the operator did with a policy, from its events
    History(history::Arguments),
    /// Ask the operator to reconcile a policy now, and wait for the outcome
    Reconcile(reconcile::Arguments),
    /// Suspend a policy: the operator neither reads nor writes it
    Suspend(suspend::Arguments),
    /// Resume a suspended policy
    Resume(ResourceArguments),
    /// Show the versions of osp, of the operator and of the definition
    Version(version::Arguments),
}

impl Verb {
    /// How often `-v` was given.
    pub const fn verbosity(&self) -> u8 {
        let connection = match self {
            Self::Status(arguments) => &arguments.connection,
            Self::Diff(arguments) => arguments.resource.connection(),
            Self::Explain(resource) | Self::Resume(resource) => resource.connection(),
            Self::History(arguments) => &arguments.connection,
            Self::Reconcile(arguments) => arguments.resource.connection(),
            Self::Suspend(arguments) => arguments.resource.connection(),
            Self::Version(arguments) => &arguments.connection,
        };
        connection.verbosity()
    }
}

/// Runs a verb and prints its output. `program` is the command in hints ([`program_name`]).
pub async fn run(verb: &Verb, program: &str) -> Result<Exit, Box<dyn Error>> {
    let (output, now) = (Output::stdout(), jiff::Timestamp::now());
    let done = match verb {
        Verb::Status(arguments) => status::run(arguments, program, &output, now).await,
        Verb::Diff(arguments) => diff::run(arguments, program, &output, now).await,
        Verb::Explain(named) => explain::run(named, program, &output, now).await,
        Verb::History(arguments) => history::run(arguments, program, &output, now).await,
        Verb::Reconcile(arguments) => reconcile::run(arguments, program, &output, now).await,
        Verb::Version(arguments) => version::run(arguments, program, &output).await,
        Verb::Suspend(named) => suspend::suspend(named, program, &output).await,
        Verb::Resume(named) => suspend::resume(named, program, &output).await,
    };
    let CommandOutput { text, exit } = done?;
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(exit)
}

/// The command to print in hints: `kubectl osp` when kubectl started the program as its plugin, else
/// `osp`.
pub fn program_name(argv0: Option<&str>) -> &'static str {
    let name = argv0.and_then(|argv0| std::path::Path::new(argv0).file_stem()?.to_str());
    if name == Some("kubectl-osp") { "kubectl osp" } else { "osp" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_called_through_kubectl() {
        assert_eq!(program_name(Some("/usr/local/bin/kubectl-osp")), "kubectl osp");
        assert_eq!(program_name(Some("target/debug/osp")), "osp");
        assert_eq!(program_name(None), "osp");
    }
}
