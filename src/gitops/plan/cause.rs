//! Why a live policy is not the declared one: the file changed in Git, or the policy in Scalekit.
//! Only the manifests of `--last-applied` can show it; without them the cause is unknown.

use super::Cause;
use crate::{
    gitops::Manifest,
    policy::{Live, OrganizationId, OrganizationRef},
    reconcile::{Declared, Past, without_revert},
};
use std::collections::HashMap;

/// The manifests as they were applied last.
#[derive(Default)]
pub(in crate::gitops) struct LastApplied<'a>(HashMap<&'a OrganizationRef, &'a Manifest>);

impl<'a> LastApplied<'a> {
    pub(in crate::gitops) fn new(manifests: &'a [Manifest]) -> Self {
        Self(manifests.iter().map(|manifest| (&manifest.spec.organization, manifest)).collect())
    }

    /// Whether `live` is what the earlier manifest of this organization made it, so that it is set back when that
    /// manifest goes: in `TightenOnly` another one is the customer's own.
    pub(super) fn is_own(&self, manifest: &Manifest, live: Option<&Live>) -> bool {
        let earlier = self.0.get(&manifest.spec.organization);
        earlier.is_some_and(|earlier| without_revert(&earlier.spec, Past::default(), live).is_none())
    }

    pub(super) fn cause(&self, manifest: &Manifest, id: Option<&OrganizationId>, live: Option<&Live>) -> Cause {
        let by_id = || self.0.get(&OrganizationRef::Id(id?.clone())).copied();
        let earlier = self.0.get(&manifest.spec.organization).copied().or_else(by_id);
        let (Some(earlier), Some(live)) = (earlier, live) else { return Cause::Unknown };
        let (was, is) = (&earlier.spec, &manifest.spec);
        match (Declared::of(was).is_satisfied_by(live), Declared::of(was) == Declared::of(is)) {
            (_, true) => Cause::Drift,
            (true, false) => Cause::Git,
            (false, false) => Cause::Both,
        }
    }
}
