//! `osp export`: reads Scalekit, writes manifests.

use super::{folder::Folder, manifest::Exported};
use crate::{
    crd,
    gitops::{
        connection::Connection,
        plan::{Failure, block_on, finish},
        scalekit::Scalekit,
    },
    policy::{Live, OrganizationId},
    reconcile::{ErrorKind, Organization, RemoteError, RemoteRequest, RemoteResponse},
    terminal::{Progress, note, print},
};
use clap::ValueEnum;
use futures::{StreamExt, TryStreamExt, stream};
use std::{io, path::PathBuf, process::ExitCode};

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

    /// The namespace of the manifests
    #[arg(long, value_parser = namespace)]
    namespace: Option<String>,

    /// How Scalekit is reached, and how much is told of it
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// A policy of their own
    Custom,
}

fn organization(text: &str) -> Result<OrganizationId, String> {
    OrganizationId::parse(text).ok_or_else(|| "must be org_ followed by 1 to 28 letters or digits".to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = crd::is_subdomain(text) && text.len() <= 63 && !text.contains('.');
    fits.then(|| text.to_owned()).ok_or_else(|| "must be 1 to 63 lower case letters, digits or -".to_owned())
}

/// Writes the manifests. 0: all of them. 1: an error, or an organization whose
/// policy can't be declared; the others are written all the same.
pub fn run(arguments: &Arguments) -> ExitCode {
    finish(block_on(export(arguments)))
}

async fn export(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let scalekit = Scalekit::new(arguments.connection.client().await?);
    // before the work, not after it
    let folder = arguments.directory.as_ref().map(|path| Folder::open(path).map_err(|error| failed(path, error)));
    let folder = folder.transpose()?;
    let found = match arguments.organization.as_slice() {
        [] => all(&scalekit, arguments.connection.concurrency()).await,
        some => selected(&scalekit, some).await,
    };
    let found = found.map_err(|(what, error)| {
        let reason = error.kind.reason();
        Failure::Input(vec![format!("{what}: {reason}: {} ({})", reason.means(), error.detail)])
    })?;
    let (mut exported, mut left) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Found::Here(organization, live) if wanted(arguments, &live) => match Exported::new(&organization, &live) {
                Some(manifest) => exported.push(manifest),
                None => left.push(format!("{}: its policy can't be declared: {live}", organization.id)),
            },
            Found::Here(..) => {}
            Found::Gone(id) => tracing::info!(organization = %id, "deleted in the meantime"),
        }
    }
    exported.sort_by(|a, b| a.name.cmp(&b.name));
    left.sort();
    let namespace = arguments.namespace.as_deref();
    match &folder {
        Some(folder) => {
            for manifest in &exported {
                let file = PathBuf::from(format!("{}.yaml", manifest.name));
                folder.write(&manifest.name, &manifest.yaml(namespace)).map_err(|error| failed(&file, error))?;
            }
        }
        None => {
            print(|out| exported.iter().try_for_each(|manifest| write!(out, "---\n{}", manifest.yaml(namespace))))
                .map_err(Failure::output)?;
        }
    }
    for line in &left {
        note(&format!("not exported: {line}"));
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn failed(path: &std::path::Path, error: io::Error) -> Failure {
    Failure::Io { what: path.display().to_string(), error }
}

fn wanted(arguments: &Arguments, live: &Live) -> bool {
    arguments.only != Some(Only::Custom) || *live != Live::Application
}

/// An organization as it was found.
enum Found {
    Here(Organization, Live),
    /// It was deleted while others were read.
    Gone(OrganizationId),
}

type Failed = (String, RemoteError);

async fn all(scalekit: &Scalekit, at_once: usize) -> Result<Vec<Found>, Failed> {
    let progress = Progress::new("Reading organizations", None);
    let (mut all, mut token, mut seen) = (Vec::new(), None::<String>, std::collections::HashSet::new());
    loop {
        let page = scalekit.page(token.as_deref()).await.map_err(|error| ("the list".to_owned(), error))?;
        let before = all.len();
        // a list that moves may show one organization on two pages
        let new: Vec<_> = page.organizations.into_iter().filter(|o| seen.insert(o.id.clone())).collect();
        let policies = stream::iter(new).map(|organization| with_policy(scalekit, organization));
        all.extend(policies.buffer_unordered(at_once).try_collect::<Vec<_>>().await?);
        progress.steps(all.len() - before);
        token = page.next;
        if token.is_none() {
            return Ok(all);
        }
    }
}

async fn selected(scalekit: &Scalekit, ids: &[OrganizationId]) -> Result<Vec<Found>, Failed> {
    let mut all = Vec::new();
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    for id in ids {
        let failed = |error| (id.to_string(), error);
        match scalekit.ask(&RemoteRequest::ReadOrganization(id.clone())).await.map_err(failed)? {
            RemoteResponse::Organization(organization) => all.push(with_policy(scalekit, organization).await?),
            _ => return Err(failed(RemoteError::new(ErrorKind::BadResponse))),
        }
    }
    Ok(all)
}

async fn with_policy(scalekit: &Scalekit, mut organization: Organization) -> Result<Found, Failed> {
    // a list may leave features out
    if organization.features.is_empty()
        && let Ok(RemoteResponse::Organization(whole)) =
            scalekit.ask(&RemoteRequest::ReadOrganization(organization.id.clone())).await
    {
        organization = whole;
    }
    let request = RemoteRequest::ReadPolicy(organization.id.clone());
    match scalekit.ask(&request).await {
        Ok(RemoteResponse::Policy(live)) => Ok(Found::Here(organization, live)),
        Ok(_) => Err((organization.id.to_string(), RemoteError::new(ErrorKind::BadResponse))),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Found::Gone(organization.id)),
        Err(error) => Err((organization.id.to_string(), error)),
    }
}
