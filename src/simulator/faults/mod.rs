//! Fault injection: which request gets which fault, and what is then sent on the
//! wire.

mod body;
mod fault;
mod inject;
mod rule;

pub(crate) use inject::{Outcome, inject};
pub(crate) use rule::{Faults, Rule, matches};
