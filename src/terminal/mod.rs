//! What people see: how wide a terminal is, whether it has colours, and that no
//! text of others controls the terminal or the pipeline that shows it.

mod exit;
mod near;
mod output;
mod print;
mod progress;
mod text;

pub use exit::Exit;
pub use near::near;
pub(crate) use output::has_colours;
pub use output::{Output, Style};
pub use print::{note, print};
pub use progress::Progress;
pub use text::{columns, printable};
