//! `osp`, also `kubectl osp`: arguments to one call.

use clap::{Parser, Subcommand};
use session_policy_operator::{crd, gitops};
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
    /// Print the CustomResourceDefinition
    Crd,
}

fn run(verb: Verb, out: &mut dyn Write) -> Result<ExitCode, Box<dyn Error>> {
    match verb {
        Verb::Validate(arguments) => Ok(gitops::validate::run(&arguments, is_colourful(), out)?),
        Verb::Crd => print(&crd::manifest()?, out),
    }
}

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(Arguments::parse().verb, &mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    done.unwrap_or_else(|error| {
        // a closed pipe is no failure: whoever read has all it wanted
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let _ = writeln!(io::stderr(), "osp: {error}");
        ExitCode::FAILURE
    })
}

fn print(text: &str, out: &mut dyn Write) -> Result<ExitCode, Box<dyn Error>> {
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Only for people, and only those that did not say no: <https://no-color.org>.
fn is_colourful() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
