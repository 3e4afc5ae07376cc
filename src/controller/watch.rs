//! Watches resources and puts those that changed into the queue.

use super::{backoff::spread, cache::Entry, context::Context, kube_api::Object, resource_ref::Uid};
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
                if let Some(uid) = apply(context, &object, true) {
                    list.insert(uid);
                }
            }
            watcher::Event::InitDone => {
                // what a complete list does not have is gone; nothing else is concluded from that
                let namespace = namespaces.get(number);
                let here = |entry: &Entry| namespace.is_none_or(|namespace| **namespace == *entry.resource.namespace);
                let absent = context.cache.uids(|entry| here(entry) && !list.contains(&entry.resource.uid));
                absent.iter().for_each(|uid| remove(context, uid));
                waiting = waiting.saturating_sub(1);
                if waiting == 0
                    && let Some(listed) = listed.take()
                {
                    listed();
                }
            }
            watcher::Event::Apply(object) => drop(apply(context, &object, false)),
            watcher::Event::Delete(object) => {
                if let Some(uid) = object.uid() {
                    remove(context, &uid.as_str().into());
                }
            }
        }
    }
}

fn apply(context: &Context, object: &Object, listed: bool) -> Option<Uid> {
    let entry = Entry::of(object)?;
    let uid = entry.resource.uid.clone();
    let rested = listed && entry.at_rest() && context.cache.get(&uid).is_none();
    let interval = entry.interval.unwrap_or(context.settings.interval);
    let effect = context.cache.apply(entry);
    if rested {
        // it was in order before we started: no herd after a restart
        context.queue.add_after(&uid, interval.mul_f64(spread(&uid)));
    } else if effect.reconcile {
        context.queue.add(&uid);
    } else if effect.requested {
        context.queue.add_requested(&uid);
    }
    effect.claimants.iter().for_each(|claimant| context.queue.add(claimant));
    Some(uid)
}

fn remove(context: &Context, uid: &Uid) {
    context.cache.remove(uid).claimants.iter().for_each(|claimant| context.queue.add(claimant));
    context.forget(uid);
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
