//! Fault injection: the rules that select requests, and the faults.

mod body;
mod fault;
mod inject;
mod rule;

pub(crate) use inject::{Outcome, inject};
pub(crate) use rule::{Faults, Rule, matches};
