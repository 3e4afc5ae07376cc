//! Who has requests under way at one host: those of one namespace that hang leave places to others.

use std::{collections::HashMap, sync::Arc};

/// So many a flow may always have: a rate so low that it gives few places needs them side by side.
const FEW: u32 = 2;

/// How many requests each flow has under way.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<Arc<str>, u32>);

impl Places {
    /// Whether one more of `flow` leaves room, where so many places are `free`: as many as it would have
    /// itself, so that a single flow takes half, and any number of them never all. (The "dynamic threshold" by
    /// which switches share memory among queues.)
    pub(super) fn leave_room(&self, flow: &str, free: u32) -> bool {
        let held = self.0.get(flow).copied().unwrap_or_default();
        held < free.max(FEW)
    }

    pub(super) fn take(&mut self, flow: &Arc<str>) {
        *self.0.entry(Arc::clone(flow)).or_default() += 1;
    }

    pub(super) fn give_back(&mut self, flow: &Arc<str>) {
        if let Some(held) = self.0.get_mut(flow) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                self.0.remove(flow);
            }
        }
    }
}
