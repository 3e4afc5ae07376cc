//! Sends the requests of the verbs to Scalekit, and saves requests: the application's policy is read
//! once, and many organizations are read from the list, a hundred at a time. Retries what was rate
//! limited, and reads during an outage.

use crate::{
    policy::{ExternalId, OrganizationId, OrganizationRef},
    reconcile::{ErrorKind, Feature, Organization, RemoteError, RemoteRequest, RemoteResponse},
    scalekit::{Client, Page},
    terminal::{Exit, Progress},
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    io,
    rc::Rc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// From this many organizations on, the list is read first.
const WORTH_A_LIST: usize = 10;
/// Organizations on one page (`scalekit-api.md` §7).
const PER_PAGE: usize = 100;
/// How often a read is sent during an outage.
const TRIES: u32 = 4;
/// The total time that one request waits after 429 responses.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

pub(super) struct Scalekit {
    client: Client,
    application: tokio::sync::Mutex<Option<Result<RemoteResponse, RemoteError>>>,
    prefetched: RefCell<Prefetched>,
    /// The distinct lists of features ([`Self::intern`]).
    features: RefCell<HashSet<Rc<[Feature]>>>,
    /// Whether a failed read is retried. False from when one has used up its tries until a request
    /// succeeds, so that the verb waits for an outage once and not for each organization.
    retry_reads: Cell<bool>,
    /// Whether a response has listed the features of an organization.
    features_reported: Cell<bool>,
    /// Cancelled by a signal; ends the waits between tries.
    stop: CancellationToken,
}

/// Organizations from the list. Each is used once, so that a second read of it is sent.
#[derive(Default)]
struct Prefetched {
    by_id: HashMap<OrganizationId, (Option<String>, Rc<[Feature]>)>,
    /// The ids of the organizations that manifests name by external id.
    by_external_id: HashMap<String, OrganizationId>,
}

impl Scalekit {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            application: tokio::sync::Mutex::default(),
            prefetched: RefCell::default(),
            features: RefCell::default(),
            retry_reads: Cell::new(true),
            features_reported: Cell::new(false),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn environment(&self) -> String {
        self.client.environment().to_string()
    }

    /// Sends one request, or answers it from the organizations that were read from the list.
    pub(super) async fn request(&self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        if matches!(request, RemoteRequest::ReadApplicationPolicy(_)) {
            return self.application_policy(request).await;
        }
        let prefetched = self.prefetched.borrow_mut().take(request);
        if let Some(organization) = prefetched {
            return Ok(RemoteResponse::Organization(organization));
        }
        let response = self.with_retries(request.writes(), async || self.client.request(request).await).await;
        if let Ok(RemoteResponse::Organization(Organization { features_reported: true, .. })) = response {
            self.features_reported.set(true);
        }
        response
    }

    /// Whether this server is known to list features. A server that never does and one that leaves
    /// out an empty list look the same until an organization has features.
    pub(super) fn features_reported(&self) -> bool {
        self.features_reported.get()
    }

    /// [`Self::features_reported`], after reading one page of the list if it is not known yet.
    pub(super) async fn confirm_features_reported(&self) -> bool {
        if !self.features_reported() {
            drop(self.page(None).await); // an error proves nothing
        }
        self.features_reported()
    }

    /// Reads the application's policy once, since it is the same for all organizations. A response
    /// that does not settle it, as in an outage, is not cached.
    async fn application_policy(&self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let mut known = self.application.lock().await;
        if let Some(response) = &*known {
            return response.clone();
        }
        let response = self.with_retries(false, async || self.client.request(request).await).await;
        if response.as_ref().map_or_else(|error| error.kind.settles_application_policy(), |_| true) {
            *known = Some(response.clone());
        }
        response
    }

    pub(super) async fn page(&self, token: Option<&str>) -> Result<Page, RemoteError> {
        let page = self.with_retries(false, async || self.client.organizations(token).await).await;
        let reported = |page: &Page| page.organizations.iter().any(|organization| !organization.features.is_empty());
        self.features_reported.set(self.features_reported() || page.as_ref().is_ok_and(reported));
        page
    }

    /// Reads pages of the list while that costs fewer requests than reading the `wanted`
    /// organizations one by one. After an error the rest is read one by one.
    pub(super) async fn prefetch(&self, wanted: &[&OrganizationRef]) {
        let mut missing: HashSet<&OrganizationRef> = wanted.iter().copied().collect();
        if missing.len() < WORTH_A_LIST {
            return;
        }
        let progress = Progress::new("Listing organizations", None);
        let (mut token, mut listed) = (None::<String>, 0);
        loop {
            let Ok(page) = self.page(token.as_deref()).await else { return };
            listed += page.organizations.len();
            progress.steps(page.organizations.len());
            for organization in page.organizations {
                let by_id = missing.remove(&OrganizationRef::Id(organization.id.clone()));
                let external = organization.external_id.as_deref().and_then(ExternalId::parse);
                let by_external = external.is_some_and(|id| missing.remove(&OrganizationRef::External(id)));
                // A list may leave features out, and what is written back must be complete, so an organization
                // without features is read by itself.
                if (by_id || by_external) && !organization.features.is_empty() {
                    let features = self.intern(&organization.features);
                    self.prefetched.borrow_mut().put(organization, features, by_external);
                }
            }
            let left = page.total.map_or(1, |total| total.saturating_sub(listed).div_ceil(PER_PAGE).max(1));
            token = page.next.filter(|_| left < missing.len());
            if token.is_none() {
                return;
            }
        }
    }

    /// Handles SIGINT and SIGTERM. The first one stops the verb after the requests in flight, and
    /// `announce` prints so; a second one ends the process at once.
    pub(super) fn stop_on_signal(&self, announce: impl Fn(&str) + Send + 'static) -> io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            announce("stopping after the requests in flight; a second signal stops at once");
            stop.cancel();
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            Exit::Interrupted.exit_now();
        });
        Ok(())
    }

    pub(super) fn intern(&self, features: &[Feature]) -> Rc<[Feature]> {
        let mut known = self.features.borrow_mut();
        if let Some(shared) = known.get(features) {
            return Rc::clone(shared);
        }
        let shared: Rc<[Feature]> = features.into();
        known.insert(Rc::clone(&shared));
        shared
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Sends a request until it succeeds or must not be repeated. After a 429 reads and writes are
    /// repeated, since nothing was applied. In an outage only reads are: a write may have been
    /// applied, so the reconcile reads before it writes again.
    async fn with_retries<T>(
        &self,
        writes: bool,
        mut send: impl AsyncFnMut() -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let (mut waited, mut tries) = (Duration::ZERO, 1);
        loop {
            let error = match send().await {
                Err(error) => error,
                response => {
                    self.retry_reads.set(true);
                    return response;
                }
            };
            let pause = match error.kind {
                ErrorKind::RateLimited { retry_after } if waited < LONGEST_WAIT => {
                    waited += retry_after;
                    // jitter, so that requests that waited for the same pause are not sent together
                    retry_after.mul_f64(1.0 + fastrand::f64() / 20.0)
                }
                kind if kind.is_outage() && !writes => {
                    if tries == TRIES || !self.retry_reads.get() {
                        self.retry_reads.set(false);
                        return Err(error);
                    }
                    tries += 1;
                    Duration::from_secs_f64(f64::from(tries) * (0.5 + fastrand::f64() / 2.0))
                }
                _ => return Err(error),
            };
            tracing::debug!(status = error.detail.status, pause_ms = pause.as_millis(), "retrying");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return Err(error),
            }
        }
    }
}

impl Prefetched {
    fn put(&mut self, organization: Organization, features: Rc<[Feature]>, by_external: bool) {
        let Organization { id, external_id, .. } = organization;
        if let Some(external) = external_id.as_ref().filter(|_| by_external) {
            self.by_external_id.insert(external.clone(), id.clone());
        }
        self.by_id.insert(id, (external_id, features));
    }

    fn take(&mut self, request: &RemoteRequest) -> Option<Organization> {
        let (id, (external_id, features)) = match request {
            RemoteRequest::ReadOrganization(id) => self.by_id.remove_entry(id)?,
            RemoteRequest::LookUp(external) => self.by_id.remove_entry(self.by_external_id.get(external.as_str())?)?,
            _ => return None,
        };
        Some(Organization { id, external_id, features: features.to_vec(), features_reported: true })
    }
}
