//! Uninstalls: removes our finalizer from every resource, since after that nobody will, and deletions
//! would hang (`docs/development/failures.md` row 79). It has the lease meanwhile, so that no operator works beside
//! it.

use super::{
    cache::Source,
    context::Context,
    effects::Effects,
    entry::Entry,
    kube_api::{KubeApi, KubeError},
    leader::Candidate,
    lease_error::LeaseError,
    options::{LeaseName, Options, StartError},
    reconcile::{finish, reconcile, span, step},
    resource_ref::ResourceRef,
};
use crate::{
    policy::Policy,
    reconcile::{
        ClusterWrite, MAX_STEPS, Outcome, Reason, Release, RemoteRequest, Request, Response, Step, hold_message, next,
    },
    telemetry::Health,
};
use jiff::Timestamp;
use kube::api::ListParams;
use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};
use thiserror::Error;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tracing::Instrument;

/// What uninstalling does to the policies in Scalekit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policies {
    /// Reverts each as if its resource were being deleted.
    Revert,
    /// Keeps them.
    Keep,
}

/// The result for one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uninstalled {
    /// The namespace and name.
    pub resource: String,
    /// Why our finalizer was removed, or why it was not.
    pub released: Result<String, String>,
}

impl fmt::Display for Uninstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.released {
            Ok(why) => write!(f, "{}: released: {why}", self.resource),
            Err(why) => write!(f, "{}: NOT released: {why}", self.resource),
        }
    }
}

/// Nothing could be uninstalled.
#[derive(Debug, Error)]
pub enum UninstallError {
    /// The options are invalid.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The resources could not be listed.
    #[error("the resources can't be listed: {0}")]
    List(#[from] KubeError),
    /// An operator may be running.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// Tries per resource; between two of them it waits as long as the reconcile asks for, at most
/// [`LONGEST_DELAY`].
const TRIES: u32 = 5;
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// How long it may take to get a lease that is free.
const TAKE: Duration = Duration::from_secs(10);

const NOTHING_TO_REVERT: &str = "There was nothing to revert.";
const STAYS: &str = "Its policy stays in Scalekit.";

/// The resources that are to be released; nothing is done yet.
pub struct Uninstall {
    context: Arc<Context>,
    lease: Option<(LeaseName, Candidate)>,
    resources: Vec<ResourceRef>,
}

impl Uninstall {
    /// Lists the resources that the operator with these options watches, after a look at whether one has the lease;
    /// writes nothing. `preview`: it does not matter whether one has. `asked_at`, in seconds since 1970: one that was asked
    /// for then or later must not have run already, as far as the Lease says.
    pub async fn new(
        client: kube::Client,
        options: Options,
        preview: bool,
        asked_at: Option<u64>,
    ) -> Result<Self, UninstallError> {
        let name = options.lease.clone().filter(|_| !preview);
        let (context, _changes) = Context::new(KubeApi { client, health: Health::default() }, options, true)?;
        let resources = list(&context).await?;
        let mut lease = name.map(|name| (name.clone(), Candidate::of_uninstall(&context, name, asked_at)));
        if let Some((_, candidate)) = &mut lease {
            candidate.look().await?;
        }
        Ok(Self { context, lease, resources })
    }

    /// How many there are, and in how many namespaces.
    pub fn size(&self) -> (usize, usize) {
        let namespaces: BTreeSet<_> = self.resources.iter().map(|resource| &resource.namespace).collect();
        (self.resources.len(), namespaces.len())
    }

    /// Whether a lease keeps operators from working at the same time.
    pub const fn is_alone(&self) -> bool {
        self.lease.is_some()
    }

    /// What [`Self::run`] would do, resource by resource; writes nothing.
    pub async fn preview(self, policies: Policies, mut each: impl FnMut(&str)) {
        self.context.cache.begin(true); // nothing waits for writes that may be on their way
        for resource in &self.resources {
            let would = match policies {
                Policies::Keep => STAYS.to_owned(),
                Policies::Revert => preview(&self.context, resource).await.unwrap_or_else(|error| error.to_string()),
            };
            each(&format!("{resource}: {would}"));
        }
    }

    /// Takes the lease, releases every resource, and calls `each` with every result. May be repeated for those that
    /// could not be released.
    pub async fn run(
        self,
        policies: Policies,
        mut each: impl FnMut(&Uninstalled),
    ) -> Result<Vec<Uninstalled>, UninstallError> {
        let Self { context, lease, .. } = self;
        let lead = match lease {
            Some((name, candidate)) => Some(take(&context, name, candidate).await?),
            None => None,
        };
        let resources = list(&context).await?;
        context.begin(&context.leadership.term());
        let mut all = Vec::with_capacity(resources.len());
        for resource in resources {
            let released = match policies {
                Policies::Revert => release(&context, &resource).await,
                Policies::Keep => remove_finalizer(&context, &resource).await,
            };
            let released = released.unwrap_or_else(|error| Err(error.to_string()));
            let uninstalled = Uninstalled { resource: resource.to_string(), released };
            each(&uninstalled);
            all.push(uninstalled);
        }
        if let Some((stop, campaign)) = lead {
            let _: Result<(), bool> = stop.send(context.is_settled());
            drop(campaign.await); // gives the lease back
        }
        Ok(all)
    }
}

type Lead = (oneshot::Sender<bool>, JoinHandle<()>);

/// Takes the lease and keeps it until the sender says that all is done.
async fn take(context: &Arc<Context>, name: LeaseName, candidate: Candidate) -> Result<Lead, LeaseError> {
    context.leadership.set(None);
    let (stop, stopped) = oneshot::channel();
    let campaign = tokio::spawn(candidate.campaign(stopped));
    match timeout(TAKE, context.leadership.begins()).await {
        Ok(_) => Ok((stop, campaign)),
        Err(_) => {
            campaign.abort();
            Err(LeaseError::NotTaken(format!("{}/{}", name.namespace, name.name)))
        }
    }
}

async fn list(context: &Context) -> Result<Vec<ResourceRef>, KubeError> {
    let mut resources = Vec::new();
    for (_, api) in context.kube.collections(&context.namespaces) {
        for entry in api.list(&ListParams::default()).await?.items.iter().filter_map(Entry::of) {
            resources.push(entry.resource.clone());
            context.cache.apply(entry, Source::Start);
        }
    }
    Ok(resources)
}

/// What a release would do: the decision up to the first write.
async fn preview(context: &Context, resource: &ResourceRef) -> Result<String, KubeError> {
    let mut effects = Effects::new(context, resource).await;
    let mut state = context.state(resource);
    for _ in 0..MAX_STEPS {
        state.clock = context.uptime();
        match next(&state, Timestamp::now()) {
            Step::Done(Outcome::Gone | Outcome::Released(_)) => return Ok(NOTHING_TO_REVERT.into()),
            Step::Done(Outcome::Holding { hold, .. }) => return Ok(format!("NOT released: {}", hold_message(&hold))),
            Step::Done(Outcome::CleanupPending(error)) => {
                return Ok(format!("NOT released: {}", Reason::CleanupPending.message(&error.to_string())));
            }
            Step::Done(other) => return Ok(format!("NOT released: it ended in {}.", other.name())),
            Step::Request(Request::RemoveFinalizer(why)) => return Ok(means(&why).into()),
            Step::Request(Request::Remote(RemoteRequest::WritePolicy { organization, policy })) => {
                let to = match policy {
                    Policy::Application => "is set back to the application's policy",
                    Policy::Custom(_) => "gets back the policy that it had before",
                };
                return Ok(format!("{organization} {to}."));
            }
            Step::Request(Request::Remote(request)) if request.writes() => return Ok(NOTHING_TO_REVERT.into()),
            Step::Request(request @ (Request::ReportProgress | Request::AddFinalizer)) => {
                state.handle_response(&request, Response::Cluster(ClusterWrite::Done));
            }
            Step::Request(request) => step(&mut state, &mut effects, &request).await?,
        }
    }
    Ok("NOT released: it did not come to an end.".into())
}

fn means(release: &Release) -> &'static str {
    release.reason().map_or(NOTHING_TO_REVERT, Reason::means)
}

async fn release(context: &Context, resource: &ResourceRef) -> Result<Result<String, String>, KubeError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        let (outcome, requeue) = reconcile(context, resource).instrument(span(context, resource)).await?;
        why = match &outcome {
            Outcome::Gone => return Ok(Ok(NOTHING_TO_REVERT.into())),
            Outcome::Released(release) => return Ok(Ok(means(release).into())),
            // it would wait for a person, so it is reported instead
            Outcome::Holding { hold, .. } => return Ok(Err(hold_message(hold))),
            Outcome::CleanupPending(error) => Reason::CleanupPending.message(&error.to_string()),
            other => format!("The last try ended in {}.", other.name()),
        };
        let (delay, _) = context.next(&resource.uid, requeue);
        tokio::time::sleep(delay.unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY)).await;
    }
    Ok(Err(why))
}

async fn remove_finalizer(context: &Context, resource: &ResourceRef) -> Result<Result<String, String>, KubeError> {
    let mut effects = Effects::new(context, resource).await;
    let mut state = context.state(resource);
    step(&mut state, &mut effects, &Request::ReadResource { fresh: true }).await?;
    if state.here().is_some_and(|resource| resource.finalizer) {
        step(&mut state, &mut effects, &Request::RemoveFinalizer(Release::NothingToRevert)).await?;
        if state.released.is_none() {
            return Ok(Err("The resource changed at the same time; try again.".into()));
        }
    }
    finish(&state, &mut effects, &Outcome::Released(Release::NothingToRevert)).await?;
    Ok(Ok(STAYS.into()))
}
