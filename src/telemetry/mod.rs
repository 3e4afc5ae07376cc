//! Logs, health probes, and shutdown on signals.

mod core_dumps;
mod health;
mod logging;
mod shutdown;

pub use core_dumps::no_core_dumps;
pub use health::Health;
pub use logging::{Format, install, install_for_people};
pub use shutdown::on_signal;
