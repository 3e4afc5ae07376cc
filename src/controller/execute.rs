//! Carries out one step of a pass against Kubernetes or Scalekit.

use super::{
    Context, claims,
    cluster::{ClusterError, Object},
    credentials::Connection,
    index::{self, Claim, Entry},
    resource_ref::ResourceRef,
    status,
};
use crate::{
    policy::OrganizationRef,
    reconcile::{
        Access, ClusterWrite, CredentialsError, ErrorKind, Found, Organization, Ownership, RemoteError, RemoteRequest,
        RemoteResponse, Request, Resource, Response, State,
    },
    scalekit::Client,
};
use tokio::sync::OwnedMutexGuard;

/// A pass under way: what it has seen, and what it holds to do its steps.
pub(super) struct Execution<'a> {
    pub(super) context: &'a Context,
    pub(super) reference: &'a ResourceRef,
    pub(super) state: State,
    /// The resource as last read or written.
    pub(super) object: Option<Object>,
    client: Option<Client>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Execution<'a> {
    pub(super) fn begin(context: &'a Context, reference: &'a ResourceRef) -> Self {
        let created = context.index.get(&reference.uid).map(|entry| entry.created);
        let predecessor = created.is_none_or(|created| created <= context.started);
        let history = context.memory.history(&reference.uid, predecessor);
        let state = State { uninstalling: context.uninstalling, ..State::new(context.settings.clone(), history) };
        Self { context, reference, state, object: None, client: None, turn: None }
    }

    pub(super) async fn execute(&mut self, request: &Request) -> Result<Response, ClusterError> {
        let cluster = &self.context.cluster;
        Ok(match request {
            Request::ReadResource => {
                self.read().await?;
                Response::Resource(match &self.object {
                    Some(object) => Found::Here(Box::new(status::resource(object))),
                    None => Found::Gone,
                })
            }
            Request::ReadNamespace => {
                Response::Namespace { terminating: cluster.terminating(&self.reference.namespace).await? }
            }
            Request::ReadCredentials => Response::Credentials(self.credentials(self.wants_credentials_of_now()).await?),
            Request::RecallCredentials => Response::Credentials(self.last_known_credentials().await),
            Request::ReadClaimants => Response::Claimants(self.ownership().await?),
            Request::ReportProgress(update) => Response::Cluster(self.write_status(update).await?),
            Request::AddFinalizer => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = cluster.add_finalizer(self.reference, object).await?;
                Response::Cluster(self.became(written))
            }
            Request::RemoveFinalizer(_) => {
                let Some(object) = &self.object else { return Ok(Response::Cluster(ClusterWrite::Outdated)) };
                let written = cluster.remove_finalizer(self.reference, object).await?;
                Response::Cluster(self.became(written))
            }
            Request::Remote(remote) => Response::Remote(self.ask(remote).await?),
        })
    }

    /// Reads the resource anew.
    pub(super) async fn read(&mut self) -> Result<(), ClusterError> {
        self.object = self.context.cluster.read(self.reference).await?;
        Ok(())
    }

    async fn credentials(&mut self, anew: bool) -> Result<Result<Access, CredentialsError>, ClusterError> {
        let secret = self.object.as_ref().and_then(secret);
        let connection = self.context.credentials.get(&self.reference.namespace, secret.as_deref(), anew).await?;
        Ok(self.connect(connection))
    }

    async fn last_known_credentials(&mut self) -> Result<Access, CredentialsError> {
        let secret = self.object.as_ref().and_then(secret);
        let connection = self.context.credentials.last_known(&self.reference.namespace, secret.as_deref()).await;
        self.connect(connection)
    }

    /// Keeps the client for the requests to come.
    fn connect(&mut self, connection: Connection) -> Result<Access, CredentialsError> {
        let (client, access) = connection?;
        self.client = Some(client);
        Ok(access)
    }

    /// Whoever edits, deletes, or asks for a pass does not mean credentials of
    /// half a minute ago.
    fn wants_credentials_of_now(&self) -> bool {
        let handled = self.object.as_ref().and_then(|object| object.0.as_ref().ok()?.status.as_ref());
        let handled = handled.and_then(|status| status.last_handled_reconcile_at.clone());
        let asked = |r: &Resource| r.requested_at.is_some() && r.requested_at != handled;
        self.state.deleting() || self.state.here().is_some_and(|r| r.observed_generation != r.generation || asked(r))
    }

    /// Calls Scalekit. Credentials that are refused are read again, in case
    /// they were rotated a moment ago.
    async fn ask(&mut self, request: &RemoteRequest) -> Result<Result<RemoteResponse, RemoteError>, ClusterError> {
        if request.writes() && self.state.corrects() {
            self.context.memory.corrected(&self.reference.uid);
        }
        let response = self.send(request).await;
        let refused = matches!(
            &response,
            Err(RemoteError {
                kind: ErrorKind::AuthFailed | ErrorKind::CredentialsRejected,
                outcome_unknown: false,
                ..
            })
        );
        if !refused {
            return Ok(response);
        }
        let before = self.state.access().map(|access| access.environment.clone());
        let now = self.credentials(true).await?;
        // another environment is another question: the next pass asks it
        let same = now.is_ok_and(|access| Some(access.environment) == before);
        Ok(if same { self.send(request).await } else { response })
    }

    async fn send(&self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let Some(client) = &self.client else { return Err(RemoteError::new(ErrorKind::BadResponse)) };
        match request {
            RemoteRequest::ReadApplicationPolicy(_) => {
                let (response, changed) = self.context.applications.ask(client, request).await;
                if changed {
                    self.context.look_at_all_of(&client.environment().to_string());
                }
                response
            }
            RemoteRequest::WritePolicy { .. } => {
                let memory = &self.context.memory;
                let before = memory.write_sent(&self.reference.uid);
                let response = client.request(request).await;
                if !response.as_ref().is_err_and(|error| error.outcome_unknown) {
                    memory.write_answered(&self.reference.uid, before);
                }
                response
            }
            _ => client.request(request).await,
        }
    }

    /// Who owns the organization just read. From here to the end of the pass
    /// no other pass decides about it.
    async fn ownership(&mut self) -> Result<Ownership, ClusterError> {
        let (Some(organization), Some(access)) =
            (self.state.observation.organization.clone(), self.state.access().cloned())
        else {
            return Ok(Ownership::Conflicted { owner: None });
        };
        self.turn = Some(self.context.turns.take(&access.environment, organization.id.as_str()).await);
        let mut rivals = Vec::new();
        for mut rival in self.context.index.rivals(&self.reference.uid, &self.claim(&organization)) {
            let secret = rival.claim.secret.as_deref();
            let connection = self.context.credentials.get(&rival.reference.namespace, secret, false).await?;
            rival.claim.takes_over &= connection.is_ok() && !self.context.uninstalling;
            if environment(connection, &rival).is_some_and(|environment| environment == access.environment) {
                rivals.push(rival);
            }
        }
        let meta = self.object.as_ref().map(|object| match &object.0 {
            Ok(object) => &object.metadata,
            Err(undecodable) => &undecodable.metadata,
        });
        let created = meta.map_or(jiff::Timestamp::MAX, index::created);
        Ok(claims::ownership(self.reference, created, &rivals))
    }

    fn claim(&self, organization: &Organization) -> Claim {
        let declared = self.state.spec().and_then(|d| match &d.organization {
            OrganizationRef::External(id) => Some(id.to_string()),
            OrganizationRef::Id(_) => None,
        });
        Claim {
            ids: vec![organization.id.to_string()],
            external_id: organization.external_id.clone().or(declared),
            ..Claim::default()
        }
    }
}

/// The environment a rival's credentials lead to, else the one in its status.
/// One with neither has never written anything, and can't now.
fn environment(connection: Connection, rival: &Entry) -> Option<String> {
    connection.ok().map(|(_, access)| access.environment).or_else(|| rival.claim.environment.clone())
}

fn secret(object: &Object) -> Option<String> {
    let spec = &object.0.as_ref().ok()?.spec;
    spec.credentials_secret_ref.as_ref().map(|secret| secret.name.clone())
}
