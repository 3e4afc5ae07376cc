//! Applies a plan: reconciles each organization with a change as the operator does, from the first
//! read on. Writes only what the plan showed, and only where the live policy is still the one that
//! the plan was made from.

mod allowance;
mod command;
mod in_cluster;
mod report;
mod run;

pub use command::{Arguments, run};
pub use in_cluster::InCluster;
