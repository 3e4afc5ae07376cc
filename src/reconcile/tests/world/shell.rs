//! Carries the requests of a reconcile out as the operator's shell does.

use super::{Object, Uid, World, samples};
use crate::policy::OrganizationId;
use crate::reconcile::{
    Access, ClaimKey, ClusterWrite, CredentialsError, ErrorKind, RemoteError, RemoteRequest, RemoteResponse, Request,
    Response, State, StatusUpdate, owner,
};
use jiff::Timestamp;
use std::time::Duration;

impl World {
    /// As the shell's effects do.
    pub(super) fn carry_out(&mut self, uid: Uid, state: &State, request: &Request) -> Response {
        let secret = || state.spec().and_then(|spec| spec.secret.clone());
        match request {
            Request::ReadResource { fresh } => match self.cached(uid).filter(|_| !fresh) {
                Some(cached) => {
                    self.held.version = u64::MAX;
                    Response::Cached(cached)
                }
                None => {
                    self.cluster.reads += 1;
                    self.held.version = self.cluster.get(uid).map_or(0, |object| object.version);
                    Response::Resource(self.cluster.found(uid, self.now))
                }
            },
            Request::ReadNamespace => Response::Namespace { terminating: self.namespace_terminating },
            Request::ReadCredentials { .. } => Response::Credentials(self.hold_client(secret())),
            Request::ReadLastKnownCredentials => {
                let kept = self.kept.clone();
                if let Some(kept) = &kept {
                    self.held.client = Some((secret(), kept.clone()));
                }
                Response::Credentials(kept.map_or_else(|| self.credentials_of(secret().as_deref()), Ok))
            }
            Request::ReadIssuer => self.issuer(),
            Request::ReadClaimants => self.claimants(uid, state),
            Request::ReportProgress => Response::Cluster(self.store(uid, StatusUpdate::progress(state))),
            Request::AddFinalizer => Response::Cluster(self.set_finalizer(uid, true)),
            Request::RemoveFinalizer(_) => Response::Cluster(self.set_finalizer(uid, false)),
            Request::Remote(request) => {
                if let Some(listed) = self.listed(state, request) {
                    return listed;
                }
                let (_, access) = self.held.client.clone().expect("no request without credentials");
                self.record(uid, state.before_request(request));
                let response = self.request(uid, &access.environment, request);
                if let Some(written) = request.outdates_list() {
                    self.lists.values_mut().for_each(|(_, list)| drop(list.remove(written)));
                }
                self.record(uid, state.after_request(request, &response));
                Response::Remote(response)
            }
        }
    }

    /// From the last list that the client has read, or a new one where that is too old.
    fn listed(&mut self, state: &State, request: &RemoteRequest) -> Option<Response> {
        let (id, longest) = state.listable(request).filter(|_| self.sweeps)?;
        let (secret, access) = self.held.client.clone()?;
        let age = |at: Timestamp| Duration::try_from(self.now.duration_since(at)).unwrap();
        let lists = access.environment == self.scalekit.environment && self.scalekit.down.is_none();
        let young = self.lists.get(&secret).is_some_and(|(at, _)| age(*at) < longest);
        if !young && lists {
            self.lists.insert(secret.clone(), (self.now, self.scalekit.list()));
        }
        let (at, list) = self.lists.get(&secret).filter(|(at, _)| age(*at) < longest)?;
        let organization = list.get(&id).filter(|organization| state.is_answered_by(request, organization))?.clone();
        Some(Response::Listed { organization, age: age(*at) })
    }

    /// What the environment says that it is, where only its custom domain may be a
    /// lie.
    pub(super) fn issuer(&self) -> Response {
        let custom = self.held.client.as_ref().is_some_and(|(_, access)| access.environment == samples::CUSTOM_DOMAIN);
        let (known, alleged) = (self.scalekit.issuer.clone(), self.scalekit.alleged.clone());
        match alleged.filter(|_| custom) {
            alleged @ Some(_) => Response::Issuer { known: None, alleged },
            None => Response::Issuer { known, alleged: None },
        }
    }

    /// A person adds or removes our finalizer.
    pub(crate) fn set_finalizer_by_hand(&mut self, uid: Uid, present: bool) {
        let version = self.cluster.get(uid).map_or(0, |object| object.version);
        self.cluster.set_finalizer(uid, present, version);
    }

    pub(super) fn hold_client(&mut self, secret: Option<String>) -> Result<Access, CredentialsError> {
        let mut found = self.credentials_of(secret.as_deref());
        if let Ok(access) = &mut found {
            access.merges_features = self.merging.contains(&access.environment);
        }
        if let Ok(access) = &found {
            self.held.client = Some((secret, access.clone()));
        }
        found
    }

    /// The resource that owns an organization, of those that have verified
    /// their claims.
    pub(crate) fn owner(&self, id: &OrganizationId) -> Option<Uid> {
        let environment = self.scalekit.issuer.clone().unwrap_or_else(|| self.scalekit.environment.clone());
        let keys = [ClaimKey::Verified { environment: environment.into(), organization: id.clone() }];
        let claimants: Vec<_> = self.cluster.objects.iter().map(Object::claimant).collect();
        let claimants: Vec<_> = claimants.into_iter().filter(|claimant| claimant.claims(&keys)).collect();
        owner(&claimants).and_then(|owner| owner.uid.parse().ok())
    }

    pub(super) fn claimants(&self, uid: Uid, state: &State) -> Response {
        let own = if state.cached.is_some() { self.copy(uid) } else { self.cluster.get(uid) };
        let Some(own) = own else { return Response::Cluster(ClusterWrite::Gone) };
        let mut keys = state.claim_keys(own.namespace);
        keys.extend(state.alleged_key());
        let found = |other: &&Object| other.uid != uid && other.claimant().claim.keys.iter().any(|k| keys.contains(k));
        let known = |other: &Object| {
            let mut claimant = other.claimant();
            claimant.see(&self.histories[&other.uid], self.uptime());
            claimant.served = !self.unserved.contains(&other.namespace);
            claimant
        };
        let others = self.cluster.objects.iter().filter(found).map(known).collect();
        Response::Claimants { own: own.claimant(), others }
    }

    pub(super) fn store(&mut self, uid: Uid, update: StatusUpdate) -> ClusterWrite {
        let written = self.cluster.store(uid, update.clone(), self.held.version);
        let written = self.hold_version(uid, written);
        if written == ClusterWrite::Done {
            self.record_reported(uid, &update);
        }
        written
    }

    pub(super) fn set_finalizer(&mut self, uid: Uid, present: bool) -> ClusterWrite {
        let written = self.cluster.set_finalizer(uid, present, self.held.version);
        self.hold_version(uid, written)
    }

    pub(super) fn hold_version(&mut self, uid: Uid, written: ClusterWrite) -> ClusterWrite {
        if let (ClusterWrite::Done, Some(object)) = (written, self.cluster.get(uid)) {
            self.held.version = object.version;
            self.observe(uid);
        }
        written
    }

    /// Under any other host there is an empty environment.
    pub(super) fn serve(&mut self, environment: &str, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        if environment == self.scalekit.environment || environment == samples::CUSTOM_DOMAIN {
            self.scalekit.serve(request)
        } else {
            Err(RemoteError::new(ErrorKind::NotFound))
        }
    }
}
