//! Which steps and reasons were reached by any world: a property of what is never reached
//! says nothing.

use crate::reconcile::{
    Outcome, Reason, Request, Step,
    tests::{reach::place, world::Reconciled},
};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    mem::discriminant,
    sync::Mutex,
};

/// The names, of all threads.
static REACHED: Mutex<(BTreeSet<String>, BTreeSet<Reason>)> = Mutex::new((BTreeSet::new(), BTreeSet::new()));

thread_local! {
    static STEPS: RefCell<HashSet<u64>> = RefCell::default();
    static REASONS: RefCell<HashSet<Reason>> = RefCell::default();
}

pub(super) fn note_step(step: &Step) {
    let mut hasher = DefaultHasher::new();
    discriminant(step).hash(&mut hasher);
    match step {
        Step::Request(request) => {
            discriminant(request).hash(&mut hasher);
            match request {
                Request::Remote(request) => discriminant(request).hash(&mut hasher),
                Request::RemoveFinalizer(release) => discriminant(release).hash(&mut hasher),
                _ => {}
            }
        }
        Step::Done(outcome) => {
            discriminant(outcome).hash(&mut hasher);
            if let Outcome::Reconciled(outcome) = outcome {
                discriminant(outcome).hash(&mut hasher);
            }
        }
    }
    if STEPS.with(|steps| steps.borrow_mut().insert(hasher.finish())) {
        REACHED.lock().unwrap().0.insert(place(step));
    }
}

pub(super) fn note_end(reconciled: &Reconciled) {
    let said = reconciled.update.iter().flat_map(|update| &update.conditions).map(|condition| condition.reason);
    let published = reconciled.events.iter().map(|event| event.reason);
    let mut note = |reason| {
        if REASONS.with(|reasons| reasons.borrow_mut().insert(reason)) {
            REACHED.lock().unwrap().1.insert(reason);
        }
    };
    said.chain(published).for_each(&mut note);
}

/// All that was reached.
pub(super) fn reached() -> (BTreeSet<String>, BTreeSet<Reason>) {
    REACHED.lock().unwrap().clone()
}
