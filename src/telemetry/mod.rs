//! What a running process tells and hears: logs, health, the wish to stop.

mod health;
mod logging;
mod shutdown;

pub use health::Health;
pub use logging::{Format, install, install_for_people};
pub use shutdown::on_signal;
