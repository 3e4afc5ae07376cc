//! Uninstalls: removes our finalizer from every resource, since after that nobody will, and deletions
//! would hang (`docs/failures.md` row 79). The operator must be stopped.

use super::{
    cache::Source,
    context::Context,
    effects::Effects,
    entry::Entry,
    kube_api::{KubeApi, KubeError},
    options::{Options, StartError},
    reconcile::{finish, reconcile, step},
    resource_ref::ResourceRef,
};
use crate::{
    reconcile::{Outcome, Reason, Release, Request, hold_message},
    telemetry::Health,
};
use kube::api::ListParams;
use std::{fmt, time::Duration};
use thiserror::Error;

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
}

/// Tries per resource; between two of them it waits as long as the reconcile asks for, at most
/// [`LONGEST_DELAY`].
const TRIES: u32 = 5;
const LONGEST_DELAY: Duration = Duration::from_secs(30);

const NOTHING_TO_REVERT: &str = "There was nothing to revert.";

/// Releases every resource that the operator with these options watches, and calls `each` with every
/// result. May be repeated for those that could not be released.
pub async fn uninstall(
    client: kube::Client,
    options: Options,
    policies: Policies,
    mut each: impl FnMut(&Uninstalled),
) -> Result<Vec<Uninstalled>, UninstallError> {
    let namespaces = options.namespaces.clone();
    let (context, _changes) = Context::new(KubeApi { client, health: Health::default() }, options, true)?;
    let resources = list(&context, &namespaces).await?;
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
    Ok(all)
}

async fn list(context: &Context, namespaces: &[String]) -> Result<Vec<ResourceRef>, KubeError> {
    let mut resources = Vec::new();
    for (_, api) in context.kube.collections(namespaces) {
        for entry in api.list(&ListParams::default()).await?.items.iter().filter_map(Entry::of) {
            resources.push(entry.resource.clone());
            context.cache.apply(entry, Source::Start);
        }
    }
    Ok(resources)
}

async fn release(context: &Context, resource: &ResourceRef) -> Result<Result<String, String>, KubeError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        let (outcome, requeue) = reconcile(context, resource).await?;
        why = match &outcome {
            Outcome::Gone => return Ok(Ok(NOTHING_TO_REVERT.into())),
            Outcome::Released(release) => {
                return Ok(Ok(release.reason().map_or(NOTHING_TO_REVERT, Reason::means).into()));
            }
            // it would wait for a person, so it is reported instead
            Outcome::Holding { hold, .. } => return Ok(Err(hold_message(hold))),
            Outcome::CleanupPending(error) => Reason::CleanupPending.message(&error.to_string()),
            other => format!("The last try ended in {}.", other.name()),
        };
        let delay = context.delay(&resource.uid, requeue);
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
    Ok(Ok("Its policy stays in Scalekit.".into()))
}
