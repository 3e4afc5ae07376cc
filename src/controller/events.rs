//! Publishes Kubernetes events: best effort, a failure never fails a reconcile.
//!
//! `kube::runtime::events::Recorder` would do it too, but it keeps a copy of each event for six
//! minutes, also of resources that are gone: tenants could fill the memory.

use super::{kube_api::MANAGER, resource_ref::ResourceRef};
use crate::reconcile;
use jiff::Timestamp;
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use std::time::Duration;

/// The deadline of one event, which is then dropped.
const DEADLINE: Duration = Duration::from_secs(5);

/// Publishes `event` about `resource`. A failure is only logged, since a namespace that is being deleted
/// accepts none.
pub(super) async fn publish(client: &Client, resource: &ResourceRef, event: &reconcile::Event) {
    let api: Api<Event> = Api::namespaced(client.clone(), &resource.namespace);
    let (parameters, event) = (PostParams::default(), published(resource, event, Timestamp::now()));
    match tokio::time::timeout(DEADLINE, api.create(&parameters, &event)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%resource, %error, "an event was not accepted"),
        Err(_) => tracing::debug!(%resource, "an event took too long"),
    }
}

fn published(resource: &ResourceRef, event: &reconcile::Event, now: Timestamp) -> Event {
    let type_ = if event.warning { "Warning" } else { "Normal" };
    Event {
        metadata: ObjectMeta {
            namespace: Some(resource.namespace.to_string()),
            generate_name: Some(format!("{}-", short(&resource.name))),
            ..ObjectMeta::default()
        },
        type_: Some(type_.into()),
        reason: Some(event.reason.name().into()),
        note: Some(event.note.clone()),
        action: Some("Reconcile".into()),
        event_time: Some(MicroTime(now)),
        regarding: Some(resource.object_ref()),
        reporting_controller: Some(MANAGER.into()),
        reporting_instance: Some(MANAGER.into()),
        ..Event::default()
    }
}

/// The start of a resource's name, so that a suffix fits behind it: a name has at most 253 bytes.
fn short(name: &str) -> &str {
    name.get(..200).unwrap_or(name).trim_end_matches(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Reason;

    #[test]
    fn an_event_of_a_resource_with_the_longest_name_has_a_name_that_fits() {
        let name = format!("{}.{}", "x".repeat(199), "y".repeat(53));
        let resource = ResourceRef { uid: "1".into(), namespace: "a".into(), name: name.as_str().into() };
        let event = reconcile::Event { warning: false, reason: Reason::InSync, note: String::new() };
        let event = published(&resource, &event, Timestamp::UNIX_EPOCH);
        assert_eq!(event.metadata.generate_name, Some(format!("{}-", "x".repeat(199))));
        assert_eq!(event.regarding.and_then(|regarding| regarding.name), Some(name));
    }
}
