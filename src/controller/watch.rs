//! Watches resources and puts those that changed into the queue.
//!
//! `kube::runtime::watcher` would do most of this, but it keeps bookmarks to
//! itself, by which alone a quiet watch differs from a dead one, and it resumes
//! from the last version for ever. After a restore of etcd that version is in
//! the future, and a watch from there shows nothing. So everything is listed
//! again from time to time, whenever the API server ends a watch before its
//! time, and whenever a read shows a resource as it was earlier
//! (`docs/failures.md` row 119).

use super::{
    cache::{Entry, Source},
    context::Context,
    kube_api::{KubeError, Object, code},
};
use futures::{StreamExt, future::join_all};
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use std::{collections::HashSet, pin::pin, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long the API server keeps a watch open, in seconds. It is renewed then,
/// which shows that it works where no bookmark does.
const WATCH: u32 = 240;
const WATCH_TIME: Duration = Duration::from_secs(WATCH as u64);
/// So much earlier or later is still the end of that time.
const MARGIN: Duration = Duration::from_secs(10);
/// Resources per response of a list.
const PAGE: u32 = 500;
/// Between the end of a watch and the next list; each end soon after a list
/// doubles it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Follows the resources of `namespaces` (all, when empty) until cancelled, and
/// lists them again after `relist` at the latest. `listed` is called once, when
/// the first list of each is complete.
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

/// The resources of one namespace, or of all.
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
                Ok(why) => {
                    interrupted = false;
                    tracing::debug!(why, "the resources are listed again");
                }
                Err(error) if interrupted => tracing::debug!(%error, "the watch is still interrupted"),
                Err(error) => {
                    interrupted = true;
                    tracing::warn!(%error, hint = hint(&error), "the watch was interrupted; it goes on by itself");
                }
            }
            pause = if started.elapsed() > LONGEST_PAUSE { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
        }
    }

    /// Lists the resources and follows their changes; why they are to be listed
    /// again.
    async fn list_and_watch(&self) -> Result<&'static str, KubeError> {
        let health = &self.context.kube.health;
        let mut version = self.list().await?;
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
                    () = &mut due => return Ok("it is time"),
                    () = &mut older => return Ok("a read shows a resource as it was earlier"),
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
                return Ok("the API server ended the watch before its time");
            }
        }
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
            tracing::warn!(resources = older, "resources are older than they were, as after a restore of etcd");
        }
        // what a complete list does not have is gone; nothing else is concluded from that
        let here = |entry: &Entry| self.namespace.is_none_or(|namespace| *namespace == *entry.resource.namespace);
        let absent = self.context.cache.uids_where(|entry| here(entry) && !present.contains(&entry.resource.uid));
        absent.iter().for_each(|uid| self.context.forget(uid));
        Ok(version)
    }
}

/// What a person can do about an interruption that does not end by itself.
fn hint(error: &KubeError) -> &'static str {
    let KubeError::Kube(error) = error else { return "none needed" };
    match code(error) {
        Some(404) => "install the definition: kubectl apply -f crds/",
        Some(403) => "bind the ClusterRole of deploy/rbac.yaml to the operator's user",
        _ => "none needed",
    }
}
