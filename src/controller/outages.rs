//! Who waits for an environment that is down. Whoever gets through first after
//! that wakes the others, so that nobody sits out a pause of minutes while the
//! server is back (`docs/failures.md` row 15).

use super::resource_ref::Uid;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// The resources that wait, by the host of their environment.
#[derive(Default)]
pub(super) struct Outages {
    waiting: Mutex<HashMap<String, HashSet<Uid>>>,
}

impl Outages {
    /// A look at this environment did not get through.
    pub(super) fn wait(&self, environment: &str, uid: &Uid) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(environment.to_owned()).or_default().insert(uid.clone());
    }

    /// A look at this environment got through; those who waited for that.
    pub(super) fn over(&self, environment: &str, uid: &Uid) -> Vec<Uid> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = waiting.remove(environment).unwrap_or_default();
        others.remove(uid);
        others.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_gets_through_wakes_the_others_of_its_environment_once() {
        let outages = Outages::default();
        let uid = |name: &str| Uid::from(name);
        for name in ["a", "b", "b"] {
            outages.wait("here", &uid(name));
        }
        outages.wait("there", &uid("c"));
        assert_eq!(outages.over("here", &uid("a")), [uid("b")]);
        assert!(outages.over("here", &uid("b")).is_empty());
        assert_eq!(outages.over("there", &uid("d")), [uid("c")]);
    }
}
