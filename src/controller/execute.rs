//! Carries out one step of a pass against Kubernetes or Scalekit.

use super::{
    Context, claims,
    cluster::{ClusterError, Object},
    credentials::Usable,
    index::{self, Claim, Entry},
    status,
    subject::Subject,
};
use crate::{
    policy::OrganizationRef,
    reconcile::{
        Access, Answer, Call, ClusterWrite, CredentialsFlaw, CredentialsProblem, Fault, FaultKind, Found, Organization,
        Reply, Resource, Standing, Step, View,
    },
    scalekit::Client,
};
use tokio::sync::OwnedMutexGuard;

/// A pass under way: what it has seen, and what it holds to do its steps.
pub(super) struct Execution<'a> {
    pub(super) context: &'a Context,
    pub(super) subject: &'a Subject,
    pub(super) view: View,
    /// The resource as last read or written.
    pub(super) object: Option<Object>,
    client: Option<Client>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Execution<'a> {
    pub(super) fn begin(context: &'a Context, subject: &'a Subject) -> Self {
        let created = context.index.get(&subject.uid).map(|entry| entry.created);
        let predecessor = created.is_none_or(|created| created <= context.started);
        let history = context.memory.history(&subject.uid, predecessor);
        let view = View { letting_go: context.letting_go, ..View::new(context.settings.clone(), history) };
        Self { context, subject, view, object: None, client: None, turn: None }
    }

    pub(super) async fn execute(&mut self, step: &Step) -> Result<Answer, ClusterError> {
        let cluster = &self.context.cluster;
        Ok(match step {
            Step::ReadResource => {
                self.read().await?;
                Answer::Resource(match &self.object {
                    Some(object) => Found::Here(Box::new(status::resource(object))),
                    None => Found::Gone,
                })
            }
            Step::ReadNamespace => {
                Answer::Namespace { terminating: cluster.terminating(&self.subject.namespace).await? }
            }
            Step::ReadCredentials => Answer::Credentials(self.credentials(self.wants_credentials_of_now()).await?),
            Step::RecallCredentials => Answer::Credentials(self.recall().await),
            Step::ReadClaims => Answer::Claims(self.standing().await?),
            Step::ReportProgress(report) => Answer::Cluster(self.write_status(report).await?),
            Step::AddFinalizer => {
                let Some(object) = &self.object else { return Ok(Answer::Cluster(ClusterWrite::Outdated)) };
                let written = cluster.add_finalizer(self.subject, object).await?;
                Answer::Cluster(self.became(written))
            }
            Step::RemoveFinalizer(_) => {
                let Some(object) = &self.object else { return Ok(Answer::Cluster(ClusterWrite::Outdated)) };
                let written = cluster.remove_finalizer(self.subject, object).await?;
                Answer::Cluster(self.became(written))
            }
            Step::Scalekit(call) => Answer::Scalekit(self.ask(call).await?),
            Step::Done(_) => Answer::Cluster(ClusterWrite::Done),
        })
    }

    /// Reads the resource anew.
    pub(super) async fn read(&mut self) -> Result<(), ClusterError> {
        self.object = self.context.cluster.read(self.subject).await?;
        Ok(())
    }

    async fn credentials(&mut self, anew: bool) -> Result<Result<Access, CredentialsProblem>, ClusterError> {
        let secret = self.object.as_ref().and_then(secret);
        let usable = self.context.sources.get(&self.subject.namespace, secret.as_deref(), anew).await?;
        Ok(usable.map(|(client, access)| {
            self.client = Some(client);
            access
        }))
    }

    async fn recall(&mut self) -> Result<Access, CredentialsProblem> {
        let secret = self.object.as_ref().and_then(secret);
        match self.context.sources.recall(&self.subject.namespace, secret.as_deref()).await {
            Some((client, access)) => {
                self.client = Some(client);
                Ok(access)
            }
            None => self.view.credentials.clone().unwrap_or_else(|| {
                Err(CredentialsProblem { flaw: CredentialsFlaw::Missing, message: "none were used before".into() })
            }),
        }
    }

    /// Whoever edits, deletes, or asks for a pass does not mean credentials of
    /// half a minute ago.
    fn wants_credentials_of_now(&self) -> bool {
        let handled = self.object.as_ref().and_then(|object| object.0.as_ref().ok()?.status.as_ref());
        let handled = handled.and_then(|status| status.last_handled_reconcile_at.clone());
        let asked = |r: &Resource| r.requested_at.is_some() && r.requested_at != handled;
        self.view.deleting() || self.view.here().is_some_and(|r| r.observed_generation != r.generation || asked(r))
    }

    /// Calls Scalekit. Credentials that are refused are read again, in case
    /// they were rotated a moment ago.
    async fn ask(&mut self, call: &Call) -> Result<Result<Reply, Fault>, ClusterError> {
        if call.writes() && self.view.corrects() {
            self.context.memory.corrected(&self.subject.uid);
        }
        let answer = self.send(call).await;
        let refused = matches!(
            &answer,
            Err(Fault { kind: FaultKind::AuthFailed | FaultKind::CredentialsRejected, may_have_landed: false, .. })
        );
        if !refused {
            return Ok(answer);
        }
        let before = self.view.access().map(|access| access.environment.clone());
        let now = self.credentials(true).await?;
        // another environment is another question: the next pass asks it
        let same = now.is_ok_and(|access| Some(access.environment) == before);
        Ok(if same { self.send(call).await } else { answer })
    }

    async fn send(&self, call: &Call) -> Result<Reply, Fault> {
        let Some(client) = &self.client else { return Err(Fault::new(FaultKind::BadResponse)) };
        match call {
            Call::ReadApplicationPolicy(_) => {
                let (answer, changed) = self.context.applications.ask(client, call).await;
                if changed {
                    self.context.look_at_all_of(&client.environment().to_string());
                }
                answer
            }
            Call::WritePolicy { .. } => {
                let memory = &self.context.memory;
                let before = memory.write_sent(&self.subject.uid);
                let answer = client.call(call).await;
                if !answer.as_ref().is_err_and(|fault| fault.may_have_landed) {
                    memory.write_answered(&self.subject.uid, before);
                }
                answer
            }
            _ => client.call(call).await,
        }
    }

    /// Who owns the organization just read. From here to the end of the pass
    /// no other pass decides about it.
    async fn standing(&mut self) -> Result<Standing, ClusterError> {
        let (Some(organization), Some(access)) = (self.view.sight.organization.clone(), self.view.access().cloned())
        else {
            return Ok(Standing::Loser { winner: None });
        };
        self.turn = Some(self.context.turns.take(&access.environment, organization.id.as_str()).await);
        let mut rivals = Vec::new();
        for mut rival in self.context.index.rivals(&self.subject.uid, &self.claim(&organization)) {
            let secret = rival.claim.secret.as_deref();
            let usable = self.context.sources.get(&rival.subject.namespace, secret, false).await?;
            rival.claim.takes_over &= usable.is_ok() && !self.context.letting_go;
            if environment(usable, &rival).is_some_and(|environment| environment == access.environment) {
                rivals.push(rival);
            }
        }
        let meta = self.object.as_ref().map(|object| match &object.0 {
            Ok(object) => &object.metadata,
            Err(undecodable) => &undecodable.metadata,
        });
        let created = meta.map_or(jiff::Timestamp::MAX, index::created);
        Ok(claims::standing(self.subject, created, &rivals))
    }

    fn claim(&self, organization: &Organization) -> Claim {
        let declared = self.view.declaration().and_then(|d| match &d.organization {
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
fn environment(usable: Usable, rival: &Entry) -> Option<String> {
    usable.ok().map(|(_, access)| access.environment).or_else(|| rival.claim.environment.clone())
}

fn secret(object: &Object) -> Option<String> {
    let spec = &object.0.as_ref().ok()?.spec;
    spec.credentials_secret_ref.as_ref().map(|secret| secret.name.clone())
}
