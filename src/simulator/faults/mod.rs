//! Scripted misfortune: which request meets which fault, and how it looks on
//! the wire.

mod body;
mod fault;
mod inject;
mod rule;

pub(crate) use inject::{Outcome, inject};
pub(crate) use rule::{Faults, Rule, matches};
