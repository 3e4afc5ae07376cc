//! `osp export`: reads organizations from Scalekit and writes manifests.

use super::{
    folder::Folder,
    manifest::{Manifest, ManifestFormat},
};
use crate::{
    crd,
    gitops::{connection::Connection, file, scalekit::Scalekit},
    policy::{Live, OrganizationId},
    reconcile::{Detail, ErrorKind, Organization, RemoteError, RemoteRequest, RemoteResponse},
    terminal::{Exit, Progress, note, print},
};
use clap::ValueEnum;
use futures::{StreamExt, stream};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    error::Error,
    path::PathBuf,
};

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
        [] => all(&scalekit, arguments.connection.concurrency()).await?,
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

type Found = (Organization, Live);
/// An organization that is not exported, and why.
type Left = (OrganizationId, String);

/// What was read of one organization.
enum Read {
    Shown(Found),
    /// Its feature is not on, and there is no policy.
    NoPolicy(Organization),
    /// Its feature is not on and its policy was refused, for this reason.
    Refused(Organization, String),
    /// It was deleted in the meantime.
    Gone,
    Failed(Left),
}

#[derive(Default)]
struct Reads {
    found: Vec<Found>,
    refused: Vec<(Organization, String)>,
    left: Vec<Left>,
    /// Whether the server has shown the policy of an organization without the feature.
    shows_all: bool,
}

impl Reads {
    fn add(&mut self, read: Read) {
        match read {
            Read::Shown(found) => {
                self.shows_all |= !found.0.session_policy_enabled();
                self.found.push(found);
            }
            Read::NoPolicy(organization) => self.found.push((organization, Live::Application)),
            Read::Refused(organization, cause) => self.refused.push((organization, cause)),
            Read::Failed(left) => self.left.push(left),
            Read::Gone => {}
        }
    }

    /// A server that refuses to show the policy of an organization without the feature refuses it for all of
    /// them, and they inherit. If it has shown one, a refusal has another cause.
    fn settle(mut self) -> (Vec<Found>, Vec<Left>) {
        if self.shows_all {
            self.left.extend(self.refused.into_iter().map(|(organization, cause)| (organization.id, cause)));
        } else {
            self.found.extend(self.refused.into_iter().map(|(organization, _)| (organization, Live::Application)));
        }
        (self.found, self.left)
    }
}

/// Without the id of the request, so that one cause of many organizations reads the same.
fn cause(error: &RemoteError) -> String {
    let detail = Detail { request_id: None, ..error.detail.clone() };
    format!("{}: {} ({detail})", error.kind.reason(), error.kind.reason().means())
}

/// Each cause once, with its organizations.
fn by_cause(left: &[Left]) -> BTreeMap<&str, Vec<&str>> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    left.iter().for_each(|(id, cause)| causes.entry(cause).or_default().push(id.as_str()));
    causes.values_mut().for_each(|ids| ids.sort_unstable());
    causes
}

async fn all(scalekit: &Scalekit, concurrency: usize) -> Result<Reads, String> {
    let progress = Progress::new("Reading organizations", None);
    let (mut all, mut token, mut seen) = (Reads::default(), None::<String>, HashSet::new());
    loop {
        let page = scalekit.page(token.as_deref()).await.map_err(|error| format!("the list: {}", cause(&error)))?;
        // a list that changes meanwhile may show one organization on two pages
        let new: Vec<_> = page.organizations.into_iter().filter(|o| seen.insert(o.id.clone())).collect();
        let policies = stream::iter(new).map(|organization| with_policy(scalekit, organization));
        let found: Vec<_> = policies.buffer_unordered(concurrency).collect().await;
        progress.steps(found.len());
        found.into_iter().for_each(|read| all.add(read));
        token = page.next;
        if token.is_none() {
            return Ok(all);
        }
    }
}

async fn selected(scalekit: &Scalekit, ids: &[OrganizationId]) -> Reads {
    let mut all = Reads::default();
    for id in ids.iter().collect::<BTreeSet<_>>() {
        all.add(match read(scalekit, id).await {
            Ok(organization) => with_policy(scalekit, organization).await,
            Err(error) => Read::Failed((id.clone(), cause(&error))),
        });
    }
    all
}

async fn read(scalekit: &Scalekit, id: &OrganizationId) -> Result<Organization, RemoteError> {
    match scalekit.request(&RemoteRequest::ReadOrganization(id.clone())).await? {
        RemoteResponse::Organization(organization) => Ok(organization),
        _ => Err(RemoteError::new(ErrorKind::BadResponse)),
    }
}

/// Reads the live policy. One without the feature inherits if there is no policy to show.
async fn with_policy(scalekit: &Scalekit, mut organization: Organization) -> Read {
    // a list may leave features out
    if organization.features.is_empty()
        && let Ok(whole) = read(scalekit, &organization.id).await
    {
        organization = whole;
    }
    let error = match scalekit.request(&RemoteRequest::ReadPolicy(organization.id.clone())).await {
        Ok(RemoteResponse::Policy(live)) => return Read::Shown((organization, live)),
        Ok(_) => RemoteError::new(ErrorKind::BadResponse),
        Err(error) => error,
    };
    let missing = error.kind == ErrorKind::NotFound;
    if missing && read(scalekit, &organization.id).await.is_err() {
        tracing::info!(organization = %organization.id, "deleted in the meantime");
        return Read::Gone;
    }
    match organization.inherits_despite(error.kind) {
        true if error.kind.hides_policy() => Read::Refused(organization, cause(&error)),
        true => Read::NoPolicy(organization),
        false if missing => Read::Gone,
        false => Read::Failed((organization.id, cause(&error))),
    }
}
