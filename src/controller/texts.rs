//! Each text that many resources have in common, once in memory.

use crate::scalekit::Pruned;
use std::sync::Arc;

/// Each text once: environments, namespaces, names of Secrets.
#[derive(Default)]
pub(super) struct Texts(Pruned<Arc<str>, Arc<str>>);

impl Texts {
    /// Makes `text` the one that is there already.
    pub(super) fn share(&mut self, text: &mut Arc<str>) {
        let here = Arc::clone(text);
        let in_use = |kept: &mut Arc<str>| Arc::strong_count(kept) > 2; // by more than key and value
        *text = Arc::clone(self.0.get_or_insert(Arc::clone(&here), in_use, || here));
    }
}
