//! One binary for all integration tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot go on fails; clippy.toml knows only test functions, not what they share"
)]

mod admission;
mod architecture;
mod argocd;
mod authority;
mod between;
mod canaries;
mod canary;
mod chart;
mod circles;
mod citations;
mod cluster;
mod failures;
#[path = "../figures.rs"]
mod figures;
mod flux;
mod fuzz;
mod image;
mod killed;
mod kubectl;
mod leader;
mod lifecycle;
mod lifeline;
mod manifests;
mod metastable;
mod monitoring;
mod operations;
mod osp;
mod osp_plan;
mod pages;
mod perturbed;
mod pictures;
mod plugin;
mod proxy;
mod recording;
mod reference;
mod release;
mod requests;
mod resources;
mod schemas;
mod side_by_side;
mod soak;
mod sweeps;
mod terminal;
mod traced;
mod uninstall;
mod upgrade;
mod world;
