//! Which resource owns an organization: of all that claim it in the same
//! environment the oldest, then the first by namespace and name. A total order
//! that every observer sees alike.

use jiff::Timestamp;

/// A resource that claims an organization, as far as ownership depends on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claimant {
    /// When it was created, in whole seconds as Kubernetes keeps times.
    pub created: Timestamp,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; tells two resources of one name apart.
    pub uid: String,
    /// It would keep the policy if it became the owner: neither deleted nor
    /// suspended, valid, not in mode Observe, and with usable credentials.
    pub takes_over: bool,
}

/// Whether a resource is the one that may write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// It has the oldest claim.
    Owner {
        /// Another resource waits to take over.
        successor: bool,
    },
    /// Another resource has an older claim.
    Conflicted {
        /// Its name, where it is in the same namespace.
        owner: Option<String>,
    },
}

/// The ownership of `own` among `others`, which claim the same organization of
/// the same environment.
pub fn ownership(own: &Claimant, others: &[Claimant]) -> Ownership {
    match owner(others).filter(|other| rank(other) < rank(own)) {
        None => Ownership::Owner { successor: others.iter().any(|other| other.takes_over) },
        Some(owner) => {
            let here = owner.namespace == own.namespace;
            Ownership::Conflicted { owner: here.then(|| owner.name.clone()) }
        }
    }
}

/// The one of `claimants` that owns what they claim.
pub fn owner(claimants: &[Claimant]) -> Option<&Claimant> {
    claimants.iter().min_by_key(|claimant| rank(claimant))
}

fn rank(claimant: &Claimant) -> (Timestamp, &str, &str, &str) {
    (claimant.created, &claimant.namespace, &claimant.name, &claimant.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(namespace: &str, name: &str, second: i64) -> Claimant {
        Claimant {
            created: Timestamp::from_second(second).unwrap(),
            namespace: namespace.into(),
            name: name.into(),
            uid: format!("{namespace}-{name}"),
            takes_over: true,
        }
    }

    #[test]
    fn the_oldest_owns_and_then_the_first_by_name() {
        let (old, young) = (claimant("b", "z", 1), claimant("b", "a", 2));
        assert_eq!(ownership(&old, std::slice::from_ref(&young)), Ownership::Owner { successor: true });
        let owner = Some("z".into());
        assert_eq!(ownership(&young, std::slice::from_ref(&old)), Ownership::Conflicted { owner });
        let twin = claimant("b", "y", 1);
        assert_eq!(ownership(&twin, std::slice::from_ref(&old)), Ownership::Owner { successor: true });
        let owner = Some("y".into());
        assert_eq!(ownership(&old, std::slice::from_ref(&twin)), Ownership::Conflicted { owner });
    }

    #[test]
    fn the_namespace_comes_before_the_name_and_the_uid_last() {
        let (a, b) = (claimant("a", "z", 1), claimant("b", "a", 1));
        assert_eq!(owner(&[b.clone(), a.clone()]), Some(&a));
        let twin = Claimant { uid: "0".into(), ..a.clone() };
        assert_eq!(owner(&[a, twin.clone(), b]), Some(&twin));
    }

    #[test]
    fn every_observer_names_the_same_owner() {
        let all = [claimant("a", "x", 3), claimant("b", "x", 1), claimant("c", "x", 1)];
        let owners = all.iter().filter(|own| {
            let others: Vec<Claimant> = all.iter().filter(|other| other != own).cloned().collect();
            matches!(ownership(own, &others), Ownership::Owner { .. })
        });
        assert_eq!(owners.map(|own| &*own.namespace).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn an_owner_is_named_only_inside_its_own_namespace() {
        let (old, young) = (claimant("a", "x", 1), claimant("b", "x", 2));
        assert_eq!(ownership(&young, &[old]), Ownership::Conflicted { owner: None });
    }

    #[test]
    fn one_that_would_write_nothing_is_no_successor_and_still_owns() {
        let idle = |claimant: Claimant| Claimant { takes_over: false, ..claimant };
        let (old, young) = (claimant("a", "x", 1), idle(claimant("a", "y", 2)));
        assert_eq!(ownership(&old, &[young]), Ownership::Owner { successor: false });
        let (old, young) = (idle(claimant("a", "x", 1)), claimant("a", "y", 2));
        assert_eq!(ownership(&young, &[old]), Ownership::Conflicted { owner: Some("x".into()) });
    }
}
