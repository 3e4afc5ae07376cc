//! `osp check` and `osp support-bundle`: whether all that the operator and `osp` need is there, before
//! and after the install. Everything is read and nothing is changed; no output has a secret.

mod admission;
mod bundle;
mod cluster;
mod examine;
mod operator;
mod pods;
mod redact;
mod report;
mod scalekit;
mod secret;

use crate::terminal::{Exit, Format, Output, print, yaml};
pub use bundle::{BundleArguments, run as bundle};
use clap::Args;
use examine::{Examined, Scope, examine};
use std::error::Error;

/// Check Scalekit, the cluster and the operator. Exit 0: nothing failed. 1: something did.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What is needed before the operator is installed, only
    #[arg(long)]
    pre: bool,
    #[command(flatten)]
    scope: Scope,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

impl Arguments {
    /// How often `-v` was given.
    pub const fn verbosity(&self) -> u8 {
        self.scope.verbosity()
    }
}

/// Checks and prints. `program` is the command in hints.
pub async fn run(arguments: &Arguments, program: &str) -> Result<Exit, Box<dyn Error>> {
    let Examined { report, redactor, .. } = examine(&arguments.scope, arguments.pre, program).await;
    let text = match arguments.output {
        Format::Text => redactor.text(&report.text(&Output::stdout())),
        Format::Json => format!("{:#}\n", redactor.value(report.json())),
        Format::Yaml => yaml(&redactor.value(report.json())),
    };
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(report.exit())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    /// The names of checks, as the sources have them.
    fn names() -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let others = ["mod.rs", "report.rs"].map(Some);
        for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check")).unwrap() {
            let path = file.unwrap().path();
            if others.contains(&path.file_name().and_then(|name| name.to_str())) {
                continue;
            }
            let source = fs::read_to_string(path).unwrap();
            let flat = source.split_whitespace().collect::<Vec<_>>().join(" ");
            for before in ["Check::good( \"", "Check::good(\"", "Check::warning( \"", "Check::warning(\""]
                .into_iter()
                .chain(["Check::failed( \"", "Check::failed(\"", "let name = \"", "read(\"", "rights(cluster, \""])
            {
                let after = flat.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                names.extend(after.map(str::to_owned));
            }
        }
        names
    }

    #[test]
    fn the_page_has_a_section_for_each_check_and_for_no_other() {
        let page = include_str!("../../docs/check.md");
        let sections = page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned);
        assert_eq!(sections.collect::<BTreeSet<_>>(), names());
    }
}
