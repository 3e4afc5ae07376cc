//! Applies a plan: for each organization with a change, the operator's own
//! reconcile from the first read on. Nothing is written that the plan did not show,
//! and nothing over a state that it did not see.

mod command;
mod report;
mod run;

pub use command::{Arguments, run};
