//! A map whose keys tenants choose. Each time that it has doubled, unused entries are dropped, so that
//! its size depends on the used ones only.

use std::{collections::HashMap, hash::Hash};

/// The least number of entries at which unused ones are dropped.
const FEW: usize = 256;

pub(crate) struct Pruned<K, V> {
    entries: HashMap<K, V>,
    prune_at: usize,
}

impl<K, V> Default for Pruned<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), prune_at: FEW }
    }
}

impl<K: Eq + Hash, V> Pruned<K, V> {
    /// The value of `key`, or a `new` one. Before adding one, drops entries that are not `in_use` if the map
    /// has doubled.
    pub(crate) fn get_or_insert(
        &mut self,
        key: K,
        mut in_use: impl FnMut(&mut V) -> bool,
        new: impl FnOnce() -> V,
    ) -> &mut V {
        if self.entries.len() >= self.prune_at && !self.entries.contains_key(&key) {
            self.entries.retain(|_, value| in_use(value));
            self.prune_at = FEW.max(self.entries.len() * 2);
        }
        self.entries.entry(key).or_insert_with(new)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_126_it_is_as_large_as_what_is_in_use() {
        let mut map = Pruned::default();
        for key in 0..100_000 {
            map.get_or_insert(key, |in_use| *in_use, || key % 1000 == 0);
            assert!(map.entries.len() <= 2 * FEW);
        }
        assert_eq!(map.entries.values().filter(|in_use| **in_use).count(), 100);
        assert!(*map.get_or_insert(0, |in_use| *in_use, || false), "what is in use stays");
    }
}
