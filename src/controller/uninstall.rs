//! Uninstalling: our finalizer is removed from every resource while somebody is
//! still there to do it, so that none hangs on it later (`docs/failures.md` row
//! 79). The operator itself must not run any more.

use super::{
    Options, StartError,
    cache::Entry,
    context::Context,
    effects::Effects,
    kube_api::{KubeApi, KubeError},
    reconcile::{finish, reconcile, step},
    resource_ref::ResourceRef,
};
use crate::{
    reconcile::{Hold, Outcome, Release, Request},
    telemetry::Health,
};
use kube::api::ListParams;
use std::{fmt, time::Duration};
use thiserror::Error;

/// What becomes of the policies in Scalekit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policies {
    /// Each resource's as if it were being deleted.
    Revert,
    /// They stay as they are.
    Keep,
}

/// What became of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uninstalled {
    /// Its namespace and name.
    pub resource: String,
    /// Why our finalizer could be removed, or else why it could not.
    pub released: Result<String, String>,
}

impl fmt::Display for Uninstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.released {
            Ok(why) => write!(f, "{}: released, {why}", self.resource),
            Err(why) => write!(f, "{}: NOT released, {why}", self.resource),
        }
    }
}

/// Why nothing could be uninstalled.
#[derive(Debug, Error)]
pub enum UninstallError {
    /// The settings do not allow a start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The resources could not be listed.
    #[error("the resources can't be listed: {0}")]
    List(#[from] KubeError),
}

/// Tries per resource; between two of them the delay that its reconcile asks
/// for, at most [`LONGEST_DELAY`].
const TRIES: u32 = 5;
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Releases every resource that the operator with these options looks after;
/// `each` hears of one after the other. What is left can be tried again.
pub async fn uninstall(
    client: kube::Client,
    options: Options,
    policies: Policies,
    mut each: impl FnMut(&Uninstalled),
) -> Result<Vec<Uninstalled>, UninstallError> {
    let namespaces = options.namespaces.clone();
    let (context, _changes) = Context::new(KubeApi::new(client, Health::default()), options, true)?;
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
            context.cache.apply(entry);
        }
    }
    Ok(resources)
}

async fn release(context: &Context, resource: &ResourceRef) -> Result<Result<String, String>, KubeError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        let (outcome, requeue) = reconcile(context, resource).await?;
        why = match &outcome {
            Outcome::Gone => return Ok(Ok("nothing was there to revert".into())),
            Outcome::Released(release) => return Ok(Ok(reason(release).into())),
            // waiting for a person is not what somebody who uninstalls expects
            Outcome::Holding { hold, .. } => return Ok(Err(missing(hold))),
            Outcome::CleanupPending(error) => format!("Scalekit did not do its part ({error})"),
            other => format!("the last try ended in {}", other.name()),
        };
        let delay = context.delay(&resource.uid, requeue);
        tokio::time::sleep(delay.unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY)).await;
    }
    Ok(Err(why))
}

async fn remove_finalizer(context: &Context, resource: &ResourceRef) -> Result<Result<String, String>, KubeError> {
    let (mut state, mut effects) = (context.state(resource), Effects::new(context, resource));
    step(&mut state, &mut effects, &Request::ReadResource).await?;
    if state.here().is_some_and(|resource| resource.finalizer) {
        step(&mut state, &mut effects, &Request::RemoveFinalizer(Release::NothingToRevert)).await?;
        if state.released.is_none() {
            return Ok(Err("somebody changed it at this moment; try again".into()));
        }
    }
    finish(&state, &mut effects, &Outcome::Released(Release::NothingToRevert)).await?;
    Ok(Ok("its policy stays in Scalekit".into()))
}

const fn reason(release: &Release) -> &'static str {
    match release {
        Release::Reverted => "its organization inherits the application's policy again",
        Release::NothingToRevert => "nothing was there to revert",
        Release::CustomersOwn => "the stricter policy is the customer's own and stays",
        Release::HandedOver | Release::NotOwner => "another resource owns the organization",
        Release::OrganizationGone => "the organization is gone",
        Release::Orphaned(_) => "its policy stays in Scalekit",
    }
}

fn missing(hold: &Hold) -> String {
    match hold {
        Hold::Credentials(error) => error.to_string(),
        Hold::EnvironmentChanged { pinned, found } => format!("written to {pinned}, credentials for {found}"),
        Hold::InvalidSpec => "its spec can't be read, so it is unknown what to revert".into(),
        Hold::Refused(error) => format!("Scalekit refuses the revert ({error})"),
    }
}
