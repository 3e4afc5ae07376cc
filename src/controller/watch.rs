//! Watches resources and puts those that changed into the queue.

use super::{
    cache::{Entry, Source},
    context::Context,
    kube_api::Object,
    resource_ref::Uid,
};
use futures::{StreamExt, TryStreamExt, stream::SelectAll};
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use std::collections::HashSet;

/// Follows the resources of `namespaces` (all, when empty) until cancelled.
/// `listed` is called once, when the first list of each is complete.
pub(super) async fn watch(context: &Context, namespaces: &[String], listed: impl FnOnce()) {
    let client = context.kube.client();
    let apis: Vec<Api<Object>> = match namespaces {
        [] => vec![Api::all(client)],
        some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    };
    let mut waiting = apis.len();
    let mut listed = Some(listed);
    let mut streams = SelectAll::new();
    for (number, api) in apis.into_iter().enumerate() {
        let stream = watcher(api, watcher::Config::default()).default_backoff().map_err(move |e| (number, e));
        streams.push(stream.map_ok(move |event| (number, event)).boxed());
    }
    let mut lists: Vec<HashSet<Uid>> = vec![HashSet::new(); waiting];
    while let Some(event) = streams.next().await {
        let (number, event) = match event {
            Ok(event) => event,
            Err((_, error)) => {
                tracing::warn!(%error, hint = hint(&error), "the watch was interrupted; it goes on by itself");
                continue;
            }
        };
        let Some(list) = lists.get_mut(number) else { continue };
        match event {
            watcher::Event::Init => list.clear(),
            watcher::Event::InitApply(object) => {
                if let Some(uid) = context.seen(&object, Source::List) {
                    list.insert(uid);
                }
            }
            watcher::Event::InitDone => {
                // what a complete list does not have is gone; nothing else is concluded from that
                let namespace = namespaces.get(number);
                let here = |entry: &Entry| namespace.is_none_or(|namespace| **namespace == *entry.resource.namespace);
                let absent = context.cache.uids(|entry| here(entry) && !list.contains(&entry.resource.uid));
                absent.iter().for_each(|uid| context.forget(uid));
                waiting = waiting.saturating_sub(1);
                if waiting == 0
                    && let Some(listed) = listed.take()
                {
                    listed();
                }
            }
            watcher::Event::Apply(object) => drop(context.seen(&object, Source::Watch)),
            watcher::Event::Delete(object) => {
                if let Some(uid) = object.uid() {
                    context.forget(&uid.as_str().into());
                }
            }
        }
    }
}

/// What a person can do about an interruption that does not end by itself.
fn hint(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => {
            "install the definition: kubectl apply -f crds/"
        }
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 403 => {
            "bind the ClusterRole of deploy/rbac.yaml to the operator's user"
        }
        _ => "none needed",
    }
}
