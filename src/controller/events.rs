//! Publishes Kubernetes events: best effort, a failure never fails a reconcile.

use super::resource_ref::ResourceRef;
use crate::reconcile;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use std::time::Duration;

/// The deadline of one event, which is then dropped.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct Events {
    recorder: Recorder,
}

impl Events {
    pub(super) fn new(client: Client) -> Self {
        Self { recorder: Recorder::new(client, Reporter::from(super::kube_api::MANAGER)) }
    }

    /// Publishes one event. A failure is only logged, since a namespace that is being deleted accepts
    /// none.
    pub(super) async fn publish(&self, reference: &ResourceRef, event: &reconcile::Event) {
        let event = Event {
            type_: if event.warning { EventType::Warning } else { EventType::Normal },
            reason: event.reason.name().into(),
            note: Some(event.note.clone()),
            action: "Reconcile".into(),
            secondary: None,
        };
        let object_ref = reference.object_ref();
        match tokio::time::timeout(DEADLINE, self.recorder.publish(&event, &object_ref)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(resource = %reference, %error, "an event was not accepted"),
            Err(_) => tracing::debug!(resource = %reference, "an event took too long"),
        }
    }
}
