//! The decision without the rest of the operator: nothing of it uses anything else.

#[path = "../../src/policy/mod.rs"]
pub mod policy;
#[path = "../../src/reconcile/mod.rs"]
pub mod reconcile;

#[cfg(test)]
#[path = "../figures.rs"]
mod figures;
