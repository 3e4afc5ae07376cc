//! Events about a resource: best effort, never in the way of a pass.

use super::subject::Subject;
use crate::reconcile::Announcement;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use std::time::Duration;

/// How long one event may take; it is dropped after that.
const DEADLINE: Duration = Duration::from_secs(5);

/// Publishes events in the operator's name.
pub(super) struct Events {
    recorder: Recorder,
}

impl Events {
    pub(super) fn new(client: Client) -> Self {
        Self { recorder: Recorder::new(client, Reporter::from(super::cluster::MANAGER)) }
    }

    /// Publishes one event; a failure is logged and forgotten, since a
    /// namespace that is going accepts none.
    pub(super) async fn publish(&self, subject: &Subject, announcement: &Announcement) {
        let event = Event {
            type_: if announcement.warning { EventType::Warning } else { EventType::Normal },
            reason: announcement.reason.name().into(),
            note: Some(announcement.note.clone()),
            action: "Reconcile".into(),
            secondary: None,
        };
        let reference = subject.reference();
        match tokio::time::timeout(DEADLINE, self.recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(resource = %subject, %error, "an event was not accepted"),
            Err(_) => tracing::debug!(resource = %subject, "an event took too long"),
        }
    }
}
