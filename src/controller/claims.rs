//! Who owns an organization: of all that claim it the oldest, then the first
//! by namespace and name. A total order that every observer sees alike.

use super::{index::Entry, subject::Subject};
use crate::reconcile::Standing;
use jiff::Timestamp;

/// The standing of `subject`, created at `created`, among `rivals`: the other
/// resources that mean the same organization in the same environment.
pub(super) fn standing(subject: &Subject, created: Timestamp, rivals: &[Entry]) -> Standing {
    let rank = |created: Timestamp, s: &Subject| (created, s.namespace.clone(), s.name.clone(), s.uid.clone());
    let own = rank(created, subject);
    let first = rivals.iter().min_by_key(|rival| rank(rival.created, &rival.subject));
    match first.filter(|rival| rank(rival.created, &rival.subject) < own) {
        None => Standing::Owner { heir: rivals.iter().any(|rival| rival.claim.takes_over) },
        Some(winner) => {
            let here = winner.subject.namespace == subject.namespace;
            Standing::Loser { winner: here.then(|| winner.subject.name.to_string()) }
        }
    }
}
