//! The Leases beside one's own by which somebody leads for the same resources, and which of them are held by the rules of
//! `election`: it counts from when this process saw one change, by its own clock. `candidacy` has what follows.

use std::{collections::BTreeMap, time::Duration};

/// A Lease of another name, for the same resources.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherLease {
    /// Its name.
    pub name: String,
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// How long others wait for it to be renewed.
    pub duration: Duration,
    /// That of the object.
    pub version: String,
}

/// What this process has seen of them.
#[derive(Debug, Clone, Hash, Default)]
pub struct OtherLeases(BTreeMap<String, Seen>);

#[derive(Debug, Clone, Hash)]
struct Seen {
    holder: String,
    version: String,
    since: Duration,
    renewed: bool,
}

impl OtherLeases {
    /// Takes in all that there are at `now`. Returns one that is held: one that was seen to be renewed, if there is one, and
    /// of several the one with the smallest name.
    pub fn held(&mut self, all: Vec<OtherLease>, now: Duration) -> Option<OtherLease> {
        let before = std::mem::take(&mut self.0);
        let seen = |lease: &OtherLease| match before.get(&lease.name) {
            Some(seen) if seen.version == lease.version => seen.clone(),
            seen => Seen {
                holder: lease.holder.clone(),
                version: lease.version.clone(),
                since: now,
                renewed: seen.is_some_and(|seen| seen.holder == lease.holder), // else it was just taken
            },
        };
        self.0 = all.iter().map(|lease| (lease.name.clone(), seen(lease))).collect();
        let may_lead = |lease: &OtherLease| {
            let since = self.0.get(&lease.name).map_or(now, |seen| seen.since);
            !lease.holder.is_empty() && now < since.saturating_add(lease.duration)
        };
        let held = all.into_iter().filter(may_lead);
        held.min_by_key(|lease| (!self.is_renewed(lease), lease.name.clone()))
    }

    /// Whether this one was seen to be renewed, and not only left behind.
    pub fn is_renewed(&self, lease: &OtherLease) -> bool {
        self.0.get(&lease.name).is_some_and(|seen| seen.renewed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lease(holder: &str, version: &str) -> OtherLease {
        let duration = 15 * SECOND;
        OtherLease { name: "other".into(), holder: holder.into(), duration, version: version.into() }
    }

    #[test]
    fn one_that_is_renewed_is_waited_for_and_one_that_nobody_holds_is_not() {
        let mut others = OtherLeases::default();
        for second in 0..100 {
            let renewed = lease("pod", &(second / 2).to_string());
            assert_eq!(others.held(vec![renewed.clone()], second * SECOND), Some(renewed.clone()), "{second}");
            assert_eq!(others.is_renewed(&renewed), second > 1);
        }
        assert_eq!(others.held(vec![lease("", "50")], 100 * SECOND), None, "it was given back");
        assert_eq!(others.held(vec![], 101 * SECOND), None);
    }

    #[test]
    fn one_that_was_left_behind_is_waited_for_as_long_as_it_says_from_when_it_was_first_seen() {
        let mut others = OtherLeases::default();
        let held = |others: &mut OtherLeases, second| others.held(vec![lease("gone", "1")], second * SECOND).is_some();
        assert_eq!([7, 10, 21, 22, 23].map(|second| held(&mut others, second)), [true, true, true, false, false]);
        assert!(!others.is_renewed(&lease("gone", "1")));
        assert!(others.held(vec![lease("back", "2")], 24 * SECOND).is_some());
    }

    #[test]
    fn of_several_the_one_that_is_there_is_waited_for() {
        let mut others = OtherLeases::default();
        let named = |name: &str, version| OtherLease { name: name.into(), ..lease("pod", version) };
        let mut held = |version| others.held(vec![named("a", "1"), named("b", version)], Duration::ZERO);
        assert_eq!([held("1"), held("2")], [Some(named("a", "1")), Some(named("b", "2"))]);
    }
}
