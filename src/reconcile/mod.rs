//! The decision, without IO: given what has been seen, what is the next
//! request, or how did the pass end.

mod call;

pub use call::{Call, Detail, Fault, FaultKind, Feature, Organization, Reply, SESSION_POLICY};
