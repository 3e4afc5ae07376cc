//! Watches resources and enqueues those that changed.
//!
//! `kube::runtime::watcher` would do most of this, but it does not pass on bookmarks, without which a
//! quiet watch can't be distinguished from a dead one, and it resumes from the last version for ever.
//! After a restore of etcd that version is in the future, and a watch from there gets no events. So
//! all resources are listed again every `--relist-interval`, whenever the API server ends a watch
//! early, and whenever a read returns an older version than the cached one (`docs/development/failures.md` row
//! 119).
//!
//! The list comes as the first events of a watch (a streaming list), so that there is never more than
//! one resource of it in memory. From an API server that does not have that it comes in pages.

use super::{
    cache::Source,
    context::Context,
    entry::Entry,
    kube_api::{DEADLINE, KubeError, code},
    object::Object,
    resource_ref::Uid,
};
use futures::{StreamExt, future::join_all, stream::BoxStream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
    core::Request,
};
use serde::Deserialize;
use std::{
    collections::HashSet,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long the API server keeps a watch open, in seconds. Opening it again shows that it works, even
/// without bookmarks.
const WATCH: u32 = 240;
const WATCH_TIME: Duration = Duration::from_secs(WATCH as u64);
/// A watch that ends so much earlier or later ended in time.
const MARGIN: Duration = Duration::from_secs(10);
/// Resources per response of a list in pages.
const PAGE: u32 = 100;
/// The annotation of the bookmark after the last resource of a streaming list.
const COMPLETE: &str = "k8s.io/initial-events-end";
/// The pause between the end of a watch and the next list. Doubles if a watch ends soon after a list.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Watches the resources of `namespaces` (all if empty) until cancelled, and lists them again after
/// `relist` at the latest. Calls `listed` once, when the first list of each namespace is complete.
pub(super) async fn watch(context: &Context, namespaces: &[String], relist: Duration, listed: impl FnOnce()) {
    let watch = |(namespace, api)| {
        let (listed, paged) = (CancellationToken::new(), AtomicBool::new(false));
        Watch { context, namespace, api, relist, listed, paged }
    };
    let watches: Vec<Watch<'_>> = context.kube.collections(namespaces).into_iter().map(watch).collect();
    let complete = async {
        for watch in &watches {
            watch.listed.cancelled().await;
        }
        listed();
    };
    tokio::join!(join_all(watches.iter().map(Watch::follow)), complete);
}

/// The watch of one namespace, or of all.
struct Watch<'a> {
    context: &'a Context,
    namespace: Option<&'a str>,
    api: Api<Object>,
    relist: Duration,
    /// Cancelled once the first list is complete.
    listed: CancellationToken,
    /// The API server has no streaming lists.
    paged: AtomicBool,
}

type Events = BoxStream<'static, kube::Result<WatchEvent<Object>>>;

/// A watch, and when it was opened.
struct Opened {
    events: Events,
    at: Instant,
}

/// A list that is being read.
#[derive(Default)]
struct Listed {
    present: HashSet<Uid>,
    /// How many have an older version than before.
    older: usize,
}

/// A page of a list. (Kube's `ObjectList` decodes all of it into a tree of values first.)
#[derive(Deserialize)]
struct Page {
    metadata: ListMeta,
    items: Vec<Object>,
}

impl Watch<'_> {
    async fn follow(&self) {
        let (mut pause, mut interrupted) = (SHORTEST_PAUSE, false);
        loop {
            let started = Instant::now();
            match self.list_and_watch().await {
                Ok(reason) => {
                    interrupted = false;
                    tracing::debug!(reason, "listing all resources again");
                }
                Err(error) if self.is_refused(&error) => interrupted = true,
                Err(error) if interrupted => tracing::debug!(%error, "the watch is still interrupted"),
                Err(error) => {
                    interrupted = true;
                    tracing::warn!(%error, hint = hint(&error), "watch interrupted, retrying");
                }
            }
            pause = if started.elapsed() > LONGEST_PAUSE { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
        }
    }

    /// Lists the resources and follows their changes; returns why they have to be listed again.
    async fn list_and_watch(&self) -> Result<&'static str, KubeError> {
        let health = &self.context.kube.health;
        let (mut version, mut watch) = match self.stream().await? {
            Some((version, watch)) => (version, watch),
            None => {
                let version = self.list().await?;
                let watch = self.open(&WatchParams::default(), &version).await?;
                (version, watch)
            }
        };
        let mut due = pin!(sleep(self.relist.mul_f64(0.8 + 0.2 * fastrand::f64())));
        let mut older = pin!(self.context.relist.notified());
        loop {
            loop {
                let event = tokio::select! {
                    event = timeout(WATCH_TIME + MARGIN, watch.events.next()) => event,
                    () = &mut due => return Ok("the relist interval is over"),
                    () = &mut older => return Ok("a read returned an older version"),
                };
                let Ok(Some(event)) = event else { break };
                health.record_watch_event();
                match event? {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                        self.context.observe(&object, Source::Watch);
                        version = object.resource_version().unwrap_or(version);
                    }
                    WatchEvent::Deleted(object) => {
                        if let Some(uid) = object.uid() {
                            self.context.forget(&uid.as_str().into());
                        }
                        version = object.resource_version().unwrap_or(version);
                    }
                    WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                    WatchEvent::Error(status) => return Err(kube::Error::Api(status.boxed()).into()),
                }
            }
            if watch.at.elapsed() + MARGIN < WATCH_TIME {
                return Ok("the API server ended the watch early");
            }
            watch = self.open(&WatchParams::default(), &version).await?;
        }
    }

    async fn open(&self, parameters: &WatchParams, version: &str) -> Result<Opened, KubeError> {
        let at = Instant::now();
        let parameters = parameters.clone().timeout(WATCH);
        let events = self.context.kube.watching(self.api.watch(&parameters, version)).await?.boxed();
        self.context.kube.health.record_watch_event();
        Ok(Opened { events, at })
    }

    /// Takes in all resources from a streaming list; the version that they are of, and the watch that
    /// follows on them. `None`: the API server has no such lists, or not now.
    async fn stream(&self) -> Result<Option<(String, Opened)>, KubeError> {
        if self.paged.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut watch = match self.open(&WatchParams::streaming_lists(), "").await {
            Ok(watch) => watch,
            Err(error) if self.is_unavailable(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut list = Listed::default();
        loop {
            let event = match timeout(DEADLINE, watch.events.next()).await {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(None),
                Err(_) => {
                    self.only_pages(); // an etcd that can't say how far it is leaves the list without an end
                    return Ok(None);
                }
            };
            self.context.kube.health.record_watch_event();
            match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => self.take(&object, &mut list),
                WatchEvent::Deleted(object) => {
                    if let Some(uid) = object.uid() {
                        list.present.remove(uid.as_str());
                        self.context.forget(&uid.as_str().into());
                    }
                }
                WatchEvent::Bookmark(bookmark) if bookmark.metadata.annotations.contains_key(COMPLETE) => {
                    self.complete(&list);
                    return Ok(Some((bookmark.metadata.resource_version, watch)));
                }
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => return Err(kube::Error::Api(status.boxed()).into()),
            }
        }
    }

    /// Whether an error means that there are no streaming lists: none for good, or none while the API
    /// server starts.
    fn is_unavailable(&self, error: &KubeError) -> bool {
        let KubeError::Kube(error) = error else { return false };
        let for_good = matches!(code(error), Some(400 | 405 | 415 | 422));
        if for_good {
            self.only_pages();
        }
        for_good || code(error) == Some(429)
    }

    fn only_pages(&self) {
        tracing::info!(namespace = self.name(), "the API server has no streaming lists; listing in pages");
        self.paged.store(true, Ordering::Relaxed);
    }

    fn name(&self) -> &str {
        self.namespace.unwrap_or("all")
    }

    /// Whether the API server refuses to show the resources. The log says so once.
    fn is_refused(&self, error: &KubeError) -> bool {
        let refused = matches!(error, KubeError::Kube(error) if matches!(code(error), Some(401 | 403)));
        if refused && self.context.kube.health.answered_list(self.name(), true) {
            let namespace = self.name();
            tracing::warn!(namespace, %error, hint = hint(error), "the resources can't be seen; the operator is not ready");
        }
        refused
    }

    /// Takes in all resources in pages; the version that they are of.
    async fn list(&self) -> Result<String, KubeError> {
        let mut list = Listed::default();
        let mut parameters = ListParams::default().limit(PAGE);
        loop {
            let request = Request::new(self.api.resource_url()).list(&parameters).map_err(kube::Error::BuildRequest)?;
            let page: Page = self.context.kube.watching(self.context.kube.client.request(request)).await?;
            self.context.kube.health.record_watch_event();
            page.items.iter().for_each(|object| self.take(object, &mut list));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => {
                    self.complete(&list);
                    return Ok(page.metadata.resource_version.unwrap_or_default());
                }
            }
        }
    }

    /// Takes in a resource of a list.
    fn take(&self, object: &Object, list: &mut Listed) {
        let source = if self.listed.is_cancelled() { Source::List } else { Source::Start };
        if let Some((uid, went_back)) = self.context.observe(object, source) {
            list.older += usize::from(went_back);
            list.present.insert(uid);
        }
    }

    /// The list has ended: what it does not have is gone.
    fn complete(&self, list: &Listed) {
        if list.older > 0 {
            tracing::warn!(resources = list.older, "resource versions went back, as after a restore of etcd");
        }
        let here = |entry: &Entry| self.namespace.is_none_or(|namespace| *namespace == *entry.resource.namespace);
        let gone = |entry: &Entry| here(entry) && !list.present.contains(&entry.resource.uid);
        self.context.cache.uids_where(gone).iter().for_each(|uid| self.context.forget(uid));
        if self.context.kube.health.answered_list(self.name(), false) {
            tracing::info!(namespace = self.name(), "the API server shows the resources again");
        }
        self.listed.cancel();
    }
}

/// What an administrator has to do, if the interruption does not end by itself.
fn hint(error: &KubeError) -> Option<&'static str> {
    let KubeError::Kube(error) = error else { return None };
    match code(error) {
        Some(404) => Some("install the definition: kubectl apply -f crds/"),
        Some(403) => Some("bind the ClusterRole of deploy/rbac.yaml to the operator's user"),
        _ => None,
    }
}
