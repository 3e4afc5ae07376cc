//! `osp export`: reads organizations from Scalekit and writes manifests.

use super::{
    folder::Folder,
    manifest::{Manifest, ManifestFormat},
};
use crate::{
    crd,
    gitops::{
        connection::Connection,
        file,
        organizations::{all, by_cause, selected},
        scalekit::Scalekit,
    },
    policy::{Live, OrganizationId},
    terminal::{Exit, note, print},
};
use clap::ValueEnum;
use std::{error::Error, path::PathBuf};

/// `osp export`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this organization, by its id; may be given more than once [default: all of the environment]
    #[arg(long, value_name = "ID", value_parser = organization)]
    organization: Vec<OrganizationId>,

    /// Only organizations with such a policy
    #[arg(long, value_enum)]
    only: Option<Only>,

    /// One file for each organization in this folder, which is made if it is not there [default: all on the standard
    /// output]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Replace the files of the folder that differ from what is exported
    #[arg(long, visible_alias = "force", requires = "directory")]
    overwrite: bool,

    /// Nothing more, as kubectl has it: manifests are YAML
    #[arg(short = 'o', long = "output", value_enum, hide = true)]
    _output: Option<ManifestFormat>,

    /// The namespace of the manifests
    #[arg(short, long, value_parser = namespace)]
    namespace: Option<String>,

    /// The connection to Scalekit, and the log
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// A policy of their own
    Custom,
}

fn organization(text: &str) -> Result<OrganizationId, String> {
    OrganizationId::parse(text).ok_or_else(|| OrganizationId::EXPECTED.to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    if crd::is_label(text) { Ok(text.to_owned()) } else { Err(crd::NOT_A_LABEL.to_owned()) }
}

/// Writes the manifests. Exit 0: all of them. 1: an error, an organization whose policy can't be declared, or a file
/// that can't be written or differs; the others are written.
pub async fn run(arguments: &Arguments) -> Result<Exit, Box<dyn Error>> {
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    // before the first request, so that an unusable folder costs none
    let open = |path: &PathBuf| Folder::open(path).map_err(file::with_path(path));
    let folder = arguments.directory.as_ref().map(open).transpose()?;
    let found = match arguments.organization.as_slice() {
        [] => all(&scalekit, arguments.connection.concurrency(), |_| true).await?,
        some => selected(&scalekit, some).await,
    };
    let (found, mut left) = found.settle();
    let mut exported = Vec::new();
    let wanted = |live: &Live| arguments.only != Some(Only::Custom) || *live != Live::Application;
    for (organization, live) in found.into_iter().filter(|(_, live)| wanted(live)) {
        match Manifest::new(&organization, &live) {
            Some(manifest) => exported.push(manifest),
            None => left.push((organization.id, format!("its policy can't be declared: {live}"))),
        }
    }
    exported.sort_by(|a, b| a.name.cmp(&b.name));
    let namespace = arguments.namespace.as_deref();
    let mut unwritten = false;
    match &folder {
        Some(folder) => {
            for manifest in &exported {
                if let Err(why) = folder.write(&manifest.name, &manifest.yaml(namespace), arguments.overwrite) {
                    note(&format!("not written: {why}"));
                    unwritten = true;
                }
            }
        }
        None => print(|out| exported.iter().try_for_each(|manifest| write!(out, "---\n{}", manifest.yaml(namespace))))?,
    }
    for (cause, ids) in by_cause(&left) {
        note(&format!("not exported: {}: {cause}", ids.join(", ")));
    }
    Ok(if left.is_empty() && !unwritten { Exit::Success } else { Exit::Failure })
}
