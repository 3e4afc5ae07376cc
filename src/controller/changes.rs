//! Changes outside the resources, and which resources are reconciled because of them.

use super::{
    context::Context,
    credentials::{self, CredentialsRef},
    entry::Entry,
    resource_ref::Uid,
};
use crate::{policy::OrganizationRef, reconcile::Lane};
use std::time::Duration;
use tokio::sync::mpsc;

impl Context {
    /// Enqueues the resources of `environment`, since the limits that apply to their organizations may
    /// have changed.
    pub(super) fn application_policy_changed(&self, environment: &str) {
        let there = self.cache.uids_where(|entry| entry.environment.as_deref() == Some(environment));
        tracing::info!(environment, resources = there.len(), "the application's policy changed");
        self.enqueue_now(there.into_iter().map(|uid| (uid, Lane::Correction)));
    }

    /// Enqueues the resources of `environment` that name one of these organizations, which look different
    /// than before.
    pub(super) fn organizations_changed(&self, environment: &str, names: Vec<OrganizationRef>) {
        let mut there = self.cache.uids_named(names);
        let is_there = |entry: &Entry| entry.environment.as_deref() == Some(environment);
        there.retain(|uid| self.cache.with(uid, is_there) == Some(true));
        if !there.is_empty() {
            tracing::info!(resources = there.len(), "organizations changed");
            self.enqueue_now(there.into_iter().map(|uid| (uid, Lane::Correction)));
        }
    }

    /// Enqueues many at once: the lanes and the rate limits hold them back.
    pub(super) fn enqueue_now(&self, resources: impl IntoIterator<Item = (Uid, Lane)>) {
        for (uid, lane) in resources {
            self.queue.add_after(&uid, Duration::ZERO, lane);
        }
    }

    /// Enqueues the resources whose credentials changed, and reads credentials again that no reconcile
    /// has read lately.
    pub(super) async fn follow_credentials(&self, mut changed: mpsc::UnboundedReceiver<CredentialsRef>) {
        let mut tick = tokio::time::interval(credentials::REFRESH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let refreshing = async {
            loop {
                tick.tick().await;
                if !self.leadership.leads() {
                    continue;
                }
                self.credentials.refresh(&self.cache.distinct(|entry| entry.credentials())).await;
            }
        };
        let following = async {
            while let Some(reference) = changed.recv().await {
                self.cache
                    .uids_where(|entry| entry.credentials() == reference)
                    .iter()
                    .for_each(|uid| self.queue.add(uid));
            }
        };
        tokio::select! { () = refreshing => {}, () = following => {} }
    }
}
