//! `osp` and `kubectl osp`: parses the arguments and runs the verb.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use session_policy_operator::{
    audit, check, crd, gitops, plugin, telemetry,
    terminal::{self, Exit},
};
use std::{env, error::Error, io};
use tokio::runtime::{Builder, Runtime};

/// Manage session policies of Scalekit organizations, in a Git repository and
/// in a cluster.
#[derive(Parser)]
#[command(name = "osp", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// Each verb is a module with `Arguments` and `run`.
#[derive(Subcommand)]
enum Verb {
    /// Check manifests: the schema, its rules, and that no two claim the same organization
    Validate(gitops::validate::Arguments),
    /// Show the changes that apply would make in Scalekit
    Plan(gitops::plan::Arguments),
    /// Change the policies in Scalekit to those that the files declare
    Apply(gitops::apply::Arguments),
    /// Print the manifest of a new policy
    #[command(visible_alias = "init")]
    New(gitops::new::Arguments),
    /// Export the policies of a Scalekit environment as manifests
    Export(gitops::export::Arguments),
    /// Check Scalekit, the cluster and the operator, before and after the install
    Check(check::Arguments),
    #[command(flatten)]
    Cluster(plugin::Verb),
    /// Write a file for a bug report, without secrets
    SupportBundle(check::BundleArguments),
    /// Check the writes in an operator's log
    Audit(audit::Arguments),
    /// Print the CustomResourceDefinition
    Crd,
    /// Print the JSON Schema of the resource, for editors and kubeconform
    Schema,
    /// Print the completion script for a shell
    // kubectl's name for it
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of osp, or of one of its verbs
    Man {
        /// The verb
        verb: Option<String>,
    },
}

fn main() -> Exit {
    terminal::without_empty_variables();
    let program = plugin::program_name(env::args().next().as_deref());
    if let Some(words) = to_complete() {
        return Exit::of(complete(&words));
    }
    let command = terminal::with_manuals(Arguments::command(), program).bin_name(program);
    match terminal::parse::<Arguments>(command, env::args_os().collect()) {
        Ok(arguments) => Exit::of(run(arguments.verb, program)),
        Err(error) => terminal::print_usage(&error),
    }
}

/// The words that a shell, or kubectl for its plugin, wants to have completed.
fn to_complete() -> Option<Vec<String>> {
    let mut words = env::args();
    let program = words.next().unwrap_or_default();
    if program.rsplit('/').next() == Some(terminal::KUBECTL_COMPLETE) {
        return Some(words.collect());
    }
    (words.next().as_deref() == Some(terminal::COMPLETE)).then(|| words.collect())
}

fn complete(words: &[String]) -> Done {
    let found = runtime()?.block_on(plugin::complete(&Arguments::command(), words));
    let lines: String = found.words.iter().map(|word| format!("{}\n", terminal::printable(word))).collect();
    let end = if found.files { terminal::FILES_TOO } else { terminal::NO_FILES };
    printed(format!("{lines}{end}\n").as_bytes())
}

type Done = Result<Exit, Box<dyn Error>>;

fn run(verb: Verb, program: &str) -> Done {
    match verb {
        Verb::Validate(arguments) => Ok(gitops::validate::run(&arguments)?),
        Verb::New(arguments) => gitops::new::run(&arguments),
        Verb::Plan(arguments) => with_scalekit(arguments.connection.verbose, gitops::plan::run(&arguments)),
        Verb::Apply(arguments) => {
            with_scalekit(arguments.connection.verbose, gitops::apply::run(&arguments, in_cluster))
        }
        Verb::Export(arguments) => with_scalekit(arguments.connection.verbose, gitops::export::run(&arguments)),
        Verb::Check(arguments) => with_scalekit(arguments.verbosity(), check::run(&arguments, program)),
        Verb::SupportBundle(arguments) => with_scalekit(0, check::bundle(&arguments, program)),
        Verb::Cluster(verb) => {
            // diff may get credentials
            telemetry::install_for_people(verb.verbosity());
            prepare();
            block_on(plugin::run(&verb, program))
        }
        Verb::Audit(arguments) => audit::run(&arguments),
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

/// One thread, since a verb mostly waits for the network.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn block_on(verb: impl Future<Output = Done>) -> Done {
    runtime()?.block_on(verb)
}

/// The policies in the cluster of the kubeconfig, if it can be reached.
async fn in_cluster() -> Option<gitops::apply::InCluster> {
    let (server, resources) = plugin::resources().await?;
    Some(gitops::apply::InCluster { server, resources })
}

/// Sets up the process for a verb that sends requests to Scalekit.
fn with_scalekit(verbosity: u8, verb: impl Future<Output = Done>) -> Done {
    telemetry::install_for_people(verbosity);
    prepare();
    block_on(verb)
}

/// Before there are credentials, and before the first connection.
fn prepare() {
    telemetry::no_core_dumps();
    drop(rustls::crypto::ring::default_provider().install_default()); // an error means that one is installed already
}

/// Prints the script from memory, since the generator panics on a closed pipe.
fn completions(shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "osp", &mut script);
    script.extend_from_slice(terminal::asking(&shell.to_string()).as_bytes());
    printed(&script)
}

fn man(verb: Option<&str>) -> Done {
    let mut command = Arguments::command();
    command.build();
    if let Some(verb) = verb {
        let found = command.find_subcommand(verb).cloned();
        command = found.ok_or_else(|| format!("there is no verb {verb}: see osp --help"))?;
    }
    let (mut page, sections) = (Vec::new(), terminal::sections(&command));
    let (has_verbs, has_version) = (command.has_subcommands(), command.get_version().is_some());
    let man = Man::new(command).source(concat!("osp ", env!("CARGO_PKG_VERSION")));
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_verbs {
        man.render_subcommands_section(&mut page)?;
    }
    for section in &sections {
        let mut roff = Roff::new();
        roff.control("SH", [section.title]);
        for [term, meaning] in &section.rows {
            roff.control("TP", []).text([bold(term.as_str())]).text([roman(meaning.as_str())]);
        }
        roff.to_writer(&mut page)?;
    }
    if has_version {
        man.render_version_section(&mut page)?;
    }
    printed(&page)
}
