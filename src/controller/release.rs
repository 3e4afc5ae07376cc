//! Uninstalling: every resource is let go while somebody is still there to do
//! it, so that none hangs on a finalizer that nobody takes off (`docs/failures.md`
//! row 79). The operator itself must not run any more.

use super::{
    Context, Options, StartError,
    cluster::{ClusterError, Object},
    execute::Execution,
    index::Entry,
    reconcile::{finish, pass},
    resource_ref::ResourceRef,
};
use crate::reconcile::{Hold, Outcome, Release, Request};
use kube::{Api, api::ListParams};
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
pub struct Released {
    /// Its namespace and name.
    pub resource: String,
    /// How it ended.
    pub fate: Fate,
}

/// How letting go of a resource ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Our finalizer is off; why it could go.
    Gone(String),
    /// It still carries our finalizer; why.
    Left(String),
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fate {
            Fate::Gone(how) => write!(f, "{}: let go, {how}", self.resource),
            Fate::Left(why) => write!(f, "{}: NOT let go, {why}", self.resource),
        }
    }
}

/// Why nothing could be let go.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// The settings do not allow a start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The resources could not be listed.
    #[error("the resources can't be listed: {0}")]
    List(#[from] ClusterError),
}

/// Tries per resource; between two of them what its pass asks for, at most
/// [`LONGEST_PAUSE`].
const TRIES: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Lets go of every resource that the operator with these options looks after;
/// `each` hears of one after the other. What is left can be tried again.
pub async fn release(
    client: kube::Client,
    options: Options,
    policies: Policies,
    mut each: impl FnMut(&Released),
) -> Result<Vec<Released>, ReleaseError> {
    let namespaces = options.namespaces.clone();
    let (context, _changes) = Context::new(client, options, true)?;
    let references = list(&context, &namespaces).await?;
    let mut all = Vec::with_capacity(references.len());
    for reference in references {
        let fate = match policies {
            Policies::Revert => let_go(&context, &reference).await,
            Policies::Keep => drop_finalizer(&context, &reference).await,
        };
        let released =
            Released { resource: reference.to_string(), fate: fate.unwrap_or_else(|e| Fate::Left(e.to_string())) };
        each(&released);
        all.push(released);
    }
    Ok(all)
}

async fn list(context: &Context, namespaces: &[String]) -> Result<Vec<ResourceRef>, ClusterError> {
    let client = context.cluster.client();
    let apis: Vec<Api<Object>> = match namespaces {
        [] => vec![Api::all(client)],
        some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    };
    let mut references = Vec::new();
    for api in apis {
        for entry in api.list(&ListParams::default()).await?.items.iter().filter_map(Entry::of) {
            references.push(entry.reference.clone());
            context.index.apply(entry);
        }
    }
    Ok(references)
}

async fn let_go(context: &Context, reference: &ResourceRef) -> Result<Fate, ClusterError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        let (outcome, requeue) = pass(context, reference).await?;
        why = match &outcome {
            Outcome::Gone => return Ok(Fate::Gone("nothing was there to revert".into())),
            Outcome::Released(release) => return Ok(Fate::Gone(how(release).into())),
            // waiting for a person is not what somebody who uninstalls expects
            Outcome::Holding { hold, .. } => return Ok(Fate::Left(needs(hold))),
            Outcome::CleanupPending(error) => format!("Scalekit did not do its part ({})", error.detail),
            other => format!("the last try ended in {other:?}"),
        };
        let pause = context.memory.appointment(&reference.uid, requeue);
        let latest = tokio::time::Instant::now() + LONGEST_PAUSE;
        tokio::time::sleep_until(pause.unwrap_or(latest).min(latest)).await;
    }
    Ok(Fate::Left(why))
}

async fn drop_finalizer(context: &Context, reference: &ResourceRef) -> Result<Fate, ClusterError> {
    let mut execution = Execution::begin(context, reference);
    let drop = Request::RemoveFinalizer(Release::NothingToRevert);
    for step in [&Request::ReadResource, &drop] {
        if execution.state.here().is_none_or(|resource| resource.finalizer) {
            let response = execution.execute(step).await?;
            execution.state.handle_response(step, response);
        }
    }
    finish(context, reference, &mut execution, &Outcome::Released(Release::NothingToRevert)).await?;
    Ok(Fate::Gone("its policy stays in Scalekit".into()))
}

const fn how(release: &Release) -> &'static str {
    match release {
        Release::Reverted => "its organization inherits the application's policy again",
        Release::NothingToRevert => "nothing was there to revert",
        Release::CustomersOwn => "the stricter policy is the customer's own and stays",
        Release::HandedOver | Release::NotOwner => "another resource owns the organization",
        Release::OrganizationGone => "the organization is gone",
        Release::Orphaned(_) => "its policy stays in Scalekit",
    }
}

fn needs(hold: &Hold) -> String {
    match hold {
        Hold::Credentials(problem) => problem.message.clone(),
        Hold::EnvironmentChanged { pinned, found } => format!("written to {pinned}, credentials for {found}"),
        Hold::InvalidSpec => "its spec can't be read, so it is unknown what to revert".into(),
        Hold::Refused(error) => format!("Scalekit refuses the revert ({})", error.detail),
    }
}
