//! Keeps the session policy of Scalekit organizations as declared in
//! Kubernetes resources.
//!
//! The rooms and who may use whom are checked by `tests/it/rooms.rs`:
//!
//! | room | holds | may use |
//! |---|---|---|
//! | [`policy`] | the domain: minutes, sessions, stricter-of, diff | nothing |
//! | [`reconcile`] | the decision: `next(&State, now) -> Step`, no IO | policy |
//! | [`crd`] | the Kubernetes resource and its rules | policy |
//! | [`scalekit`] | the REST client | policy, reconcile's calls and faults, telemetry |
//! | [`controller`] | the shell that executes steps in a cluster | all of the above |
//! | [`gitops`] | the verbs of `osp` on files of a Git repository | policy, reconcile, crd, scalekit, terminal |
//! | [`plugin`] | the verbs of `osp` that look at a cluster | policy, reconcile, crd, terminal |
//! | [`simulator`] | a stand-in for Scalekit that shares nothing with us | nothing |
//! | [`telemetry`] | logging, health, shutdown | nothing |
//! | [`terminal`] | what people see: width, colour, progress | nothing |

pub mod controller;
pub mod crd;
pub mod gitops;
pub mod plugin;
pub mod policy;
pub mod reconcile;
pub mod scalekit;
pub mod simulator;
pub mod telemetry;
pub mod terminal;
