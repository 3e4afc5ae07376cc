//! `deploy/argocd`, judged by the Lua interpreter of Argo CD: how Argo CD sees
//! a resource, and what its buttons do.

mod actions;
mod every_status;
mod install;
mod lua;
mod real_runs;
mod table;
mod tutorial;

pub use install::patch;

/// All that Argo CD takes as a health; anything else it shows as Unknown.
const HEALTHS: [&str; 5] = ["Healthy", "Progressing", "Degraded", "Suspended", "Missing"];
