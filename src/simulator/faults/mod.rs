//! Scripted misfortune: which request meets which fault, and how it looks on
//! the wire.

mod body;
mod fault;
mod play;
mod rule;

pub(crate) use play::{Outcome, play};
pub(crate) use rule::{Faults, Rule, matches};
