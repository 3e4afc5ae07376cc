//! Applies a plan: reconciles each organization with a change as the operator does, from the first
//! read on. Writes only what the plan showed, and only where the live policy is still the one that
//! the plan was made from.

mod command;
mod report;
mod run;

pub use command::{Arguments, run};
