//! Who has requests under way at one host: those of one namespace that hang leave places to others.

use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// So many a flow may always have: a rate so low that it gives few places needs them side by side.
const FEW: u32 = 2;
/// A request that takes this long is slow, and its flow counts as slow for so long.
const SLOW: Duration = Duration::from_secs(2);
const STAYS_SLOW: Duration = Duration::from_secs(60);
/// Flows that are remembered before those are looked for that need not be.
const MANY: usize = 64;

/// The requests under way by flow.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<Arc<str>, Flow>);

#[derive(Debug, Default)]
struct Flow {
    under_way: u32,
    slow_until: Option<Instant>,
}

impl Flow {
    fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

impl Places {
    /// Whether one more of `flow` leaves room for others, where so many places are `free`. A flow takes at most as many
    /// as it leaves free (the "dynamic threshold" by which switches share memory among queues). All that are slow
    /// have half of the places together, however many they are.
    pub(super) fn leave_room(&self, flow: &str, free: u32, now: Instant) -> bool {
        let own = self.0.get(flow);
        if own.is_some_and(|flow| flow.is_slow(now)) {
            let under_way = |slow: bool| {
                let flows = self.0.values().filter(|flow| !slow || flow.is_slow(now));
                flows.map(|flow| flow.under_way).sum::<u32>()
            };
            return under_way(true) < ((free + under_way(false)) / 2).max(1);
        }
        own.map_or(0, |flow| flow.under_way) < free.max(FEW)
    }

    pub(super) fn take(&mut self, flow: &Arc<str>) {
        self.0.entry(Arc::clone(flow)).or_default().under_way += 1;
    }

    /// A request of `flow` took so long.
    pub(super) fn give_back(&mut self, flow: &Arc<str>, took: Duration, now: Instant) {
        let Some(own) = self.0.get_mut(flow) else { return };
        own.under_way = own.under_way.saturating_sub(1);
        own.slow_until = if took >= SLOW { Some(now + STAYS_SLOW) } else { own.slow_until };
        if own.slow_until.is_none() && own.under_way == 0 {
            self.0.remove(flow);
        } else if self.0.len() > MANY {
            self.0.retain(|_, flow| flow.under_way > 0 || flow.is_slow(now));
        }
    }
}
