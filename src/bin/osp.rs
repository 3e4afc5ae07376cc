//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use session_policy_operator::{crd, gitops, plugin, telemetry, terminal};
use std::{env, error::Error, process::ExitCode};

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

fn main() -> ExitCode {
    let program = plugin::program_name(env::args().next().as_deref());
    let parsed = Arguments::command().bin_name(program).try_get_matches();
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => {
            drop(error.print());
            // 2 means changes, so a wrong argument is a plain error
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match arguments.verb {
        Verb::Validate(arguments) => finish(gitops::validate::run(&arguments).map_err(Into::into)),
        Verb::Plan(arguments) => with_scalekit(arguments.connection.verbose, || gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => with_scalekit(arguments.connection.verbose, || gitops::apply::run(&arguments)),
        Verb::Export(arguments) => with_scalekit(arguments.connection.verbose, || gitops::export::run(&arguments)),
        Verb::Cluster(verb) => plugin::run(&verb, program),
        Verb::Crd => finish(crd::manifest().map_err(Into::into).and_then(|text| printed(text.as_bytes()))),
        Verb::Schema => finish(printed(crd::json_schema_text().as_bytes())),
        Verb::Completions { shell } => finish(completions(shell)),
        Verb::Man { verb } => finish(man(verb.as_deref())),
    }
}

type Done = Result<ExitCode, Box<dyn Error>>;

/// The exit code of a verb that only prints.
fn finish(done: Done) -> ExitCode {
    done.unwrap_or_else(|error| {
        terminal::note(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn printed(text: &[u8]) -> Done {
    terminal::print(|out| out.write_all(text))?;
    Ok(ExitCode::SUCCESS)
}

/// Sets up what a verb that talks to Scalekit needs of the process.
fn with_scalekit(verbosity: u8, verb: impl FnOnce() -> ExitCode) -> ExitCode {
    telemetry::no_core_dumps();
    telemetry::install_for_people(verbosity);
    drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
    verb()
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
