//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use session_policy_operator::{
    crd, gitops, plugin, telemetry,
    terminal::{self, Exit},
};
use std::{env, error::Error};

/// Session policies of Scalekit organizations, as declared in a Git repository
/// and as they stand in a cluster.
#[derive(Parser)]
#[command(name = "osp", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// One module each, with its `Arguments` and its `run`.
#[derive(Subcommand)]
enum Verb {
    /// Check manifests: the schema, its rules, and that no two claim one organization
    Validate(gitops::validate::Arguments),
    /// Show what would have to change in Scalekit so that it is as the files say
    Plan(gitops::plan::Arguments),
    /// Change in Scalekit what is not as the files say
    Apply(gitops::apply::Arguments),
    /// Write the organizations of a Scalekit environment as manifests
    Export(gitops::export::Arguments),
    #[command(flatten)]
    Cluster(plugin::Verb),
    /// Print the CustomResourceDefinition
    Crd,
    /// Print the JSON Schema of the resource, for editors and kubeconform
    Schema,
    /// Print what completes verbs and options in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, of a verb if one is named
    Man {
        /// One of the verbs
        verb: Option<String>,
    },
}

fn main() -> Exit {
    let program = plugin::program_name(env::args().next().as_deref());
    let parsed = Arguments::command().bin_name(program).try_get_matches();
    match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => Exit::of(run(arguments.verb, program)),
        Err(error) => {
            drop(error.print());
            // clap's own code is 2, which means changes
            if error.use_stderr() { Exit::Failure } else { Exit::Success }
        }
    }
}

type Done = Result<Exit, Box<dyn Error>>;

fn run(verb: Verb, program: &str) -> Done {
    match verb {
        Verb::Validate(arguments) => Ok(gitops::validate::run(&arguments)?),
        Verb::Plan(arguments) => with_scalekit(arguments.connection.verbose, gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => with_scalekit(arguments.connection.verbose, gitops::apply::run(&arguments)),
        Verb::Export(arguments) => with_scalekit(arguments.connection.verbose, gitops::export::run(&arguments)),
        Verb::Cluster(verb) => block_on(plugin::run(&verb, program)),
        Verb::Crd => printed(crd::manifest()?.as_bytes()),
        Verb::Schema => printed(crd::json_schema_text().as_bytes()),
        Verb::Completions { shell } => completions(shell),
        Verb::Man { verb } => man(verb.as_deref()),
    }
}

fn printed(text: &[u8]) -> Done {
    terminal::print(|out| out.write_all(text))?;
    Ok(Exit::Success)
}

/// On one thread: a verb waits for the network and does little else.
fn block_on(verb: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(verb)
}

/// Sets up what a verb that talks to Scalekit needs of the process.
fn with_scalekit(verbosity: u8, verb: impl Future<Output = Done>) -> Done {
    telemetry::no_core_dumps();
    telemetry::install_for_people(verbosity);
    drop(rustls::crypto::ring::default_provider().install_default()); // an error means that one is installed already
    block_on(verb)
}

/// Written to memory first, since the generator panics on a closed pipe.
fn completions(shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "osp", &mut script);
    printed(&script)
}

fn man(verb: Option<&str>) -> Done {
    let mut command = Arguments::command();
    command.build();
    if let Some(verb) = verb {
        let found = command.find_subcommand(verb).cloned();
        command = found.ok_or_else(|| format!("there is no verb {verb}: see osp --help"))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    printed(&page)
}
