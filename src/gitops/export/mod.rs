//! The organizations of an environment as manifests, ready to commit: the way
//! in for who has policies already. Applied as they are they change nothing.

mod command;
mod folder;
mod manifest;
mod name;

pub use command::{Arguments, run};
