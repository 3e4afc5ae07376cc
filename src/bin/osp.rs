//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use session_policy_operator::{crd, gitops, plugin, telemetry};
use std::{
    env,
    error::Error,
    io::{self, BufWriter, IsTerminal, Write},
    process::ExitCode,
};

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
    let called = plugin::called(env::args().next().as_deref());
    let parsed = Arguments::command().bin_name(called).try_get_matches();
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(told) => {
            drop(told.print());
            // 2 means changes, so a wrong argument is a plain error
            return if told.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match arguments.verb {
        Verb::Validate(arguments) => printing(|out| Ok(gitops::validate::run(&arguments, is_colourful(), out)?)),
        Verb::Plan(arguments) => with_scalekit(arguments.verbosity(), || gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => with_scalekit(arguments.verbosity(), || gitops::apply::run(&arguments)),
        Verb::Export(arguments) => with_scalekit(arguments.verbosity(), || gitops::export::run(&arguments)),
        Verb::Cluster(verb) => plugin::run(&verb, called),
        Verb::Crd => printing(|out| print(&crd::manifest()?, out)),
        Verb::Schema => printing(|out| print(&crd::json_schema_text(), out)),
        Verb::Completions { shell } => printing(|out| completions(shell, out)),
        Verb::Man { verb } => printing(|out| man(verb.as_deref(), out)),
    }
}

/// Runs a verb that only prints.
fn printing(verb: impl FnOnce(&mut dyn Write) -> Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = verb(&mut out);
    let flushed = out.flush();
    match (done, flushed) {
        (Err(error), _) if !is_closed(error.downcast_ref()) => fail(&*error),
        (_, Err(error)) if !is_closed(Some(&error)) => fail(&error),
        (done, _) => done.unwrap_or(ExitCode::SUCCESS),
    }
}

/// A closed pipe is no failure: whoever read has all it wanted.
fn is_closed(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn fail(error: &dyn Error) -> ExitCode {
    drop(writeln!(io::stderr(), "osp: {error}"));
    ExitCode::FAILURE
}

/// Sets up what a verb that talks to Scalekit needs of the process.
fn with_scalekit(verbosity: u8, verb: impl FnOnce() -> ExitCode) -> ExitCode {
    telemetry::install_for_people(verbosity);
    drop(rustls::crypto::ring::default_provider().install_default()); // the first one is as good
    verb()
}

fn print(text: &str, out: &mut dyn Write) -> Result<ExitCode, Box<dyn Error>> {
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Written to memory first, since the generator panics on a closed pipe.
fn completions(shell: Shell, out: &mut dyn Write) -> Result<ExitCode, Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "osp", &mut script);
    out.write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

fn man(verb: Option<&str>, out: &mut dyn Write) -> Result<ExitCode, Box<dyn Error>> {
    let mut command = Arguments::command();
    command.build();
    if let Some(verb) = verb {
        let found = command.find_subcommand(verb).cloned();
        command = found.ok_or_else(|| format!("there is no verb {verb}: see osp --help"))?;
    }
    clap_mangen::Man::new(command).render(out)?;
    Ok(ExitCode::SUCCESS)
}

/// Only for people, and only those that did not say no: <https://no-color.org>.
fn is_colourful() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
