//! Watches resources and enqueues those that changed.
//!
//! `kube::runtime::watcher` would do most of this, but it does not pass on bookmarks, without which a
//! quiet watch can't be distinguished from a dead one, and it resumes from the last version for ever.
//! After a restore of etcd that version is in the future, and a watch from there gets no events. So
//! all resources are listed again every `--relist-interval`, whenever the API server ends a watch
//! early, and whenever a read returns an older version than the cached one (`docs/failures.md` row
//! 119).

use super::{
    cache::{Entry, Source},
    context::Context,
    kube_api::{KubeError, code},
    object::Object,
};
use futures::{StreamExt, future::join_all};
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use std::{collections::HashSet, pin::pin, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long the API server keeps a watch open, in seconds. Opening it again shows that it works, even
/// without bookmarks.
const WATCH: u32 = 240;
const WATCH_TIME: Duration = Duration::from_secs(WATCH as u64);
/// A watch that ends so much earlier or later ended in time.
const MARGIN: Duration = Duration::from_secs(10);
/// Resources per response of a list.
const PAGE: u32 = 500;
/// The pause between the end of a watch and the next list. Doubles if a watch ends soon after a list.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Watches the resources of `namespaces` (all if empty) until cancelled, and lists them again after
/// `relist` at the latest. Calls `listed` once, when the first list of each namespace is complete.
pub(super) async fn watch(context: &Context, namespaces: &[String], relist: Duration, listed: impl FnOnce()) {
    let watch = |(namespace, api)| Watch { context, namespace, api, relist, listed: CancellationToken::new() };
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
        let mut version = self.list().await?;
        if health.answered_list(self.name(), false) {
            tracing::info!(namespace = self.name(), "the API server shows the resources again");
        }
        self.listed.cancel();
        let mut due = pin!(sleep(self.relist.mul_f64(0.8 + 0.2 * fastrand::f64())));
        let mut older = pin!(self.context.relist.notified());
        loop {
            let started = Instant::now();
            let parameters = WatchParams::default().timeout(WATCH);
            let mut events = pin!(self.context.kube.with_deadline(self.api.watch(&parameters, &version)).await?);
            health.record_watch_event();
            loop {
                let event = tokio::select! {
                    event = timeout(WATCH_TIME + MARGIN, events.next()) => event,
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
            if started.elapsed() + MARGIN < WATCH_TIME {
                return Ok("the API server ended the watch early");
            }
        }
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

    /// Takes in all resources; the version that they are of.
    async fn list(&self) -> Result<String, KubeError> {
        let (mut present, mut older) = (HashSet::new(), 0_usize);
        let mut parameters = ListParams::default().limit(PAGE);
        let version = loop {
            let page = self.context.kube.with_deadline(self.api.list(&parameters)).await?;
            self.context.kube.health.record_watch_event();
            let source = if self.listed.is_cancelled() { Source::List } else { Source::Start };
            for object in &page.items {
                let Some((uid, went_back)) = self.context.observe(object, source) else { continue };
                older += usize::from(went_back);
                present.insert(uid);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => break page.metadata.resource_version.unwrap_or_default(),
            }
        };
        if older > 0 {
            tracing::warn!(resources = older, "resource versions went back, as after a restore of etcd");
        }
        // a resource that a complete list does not have is gone
        let here = |entry: &Entry| self.namespace.is_none_or(|namespace| *namespace == *entry.resource.namespace);
        let absent = self.context.cache.uids_where(|entry| here(entry) && !present.contains(&entry.resource.uid));
        absent.iter().for_each(|uid| self.context.forget(uid));
        Ok(version)
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
