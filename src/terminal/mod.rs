//! What people see: how wide a terminal is, whether it has colours, and that no
//! text in it moves the cursor of whoever reads it.

mod exit;
mod output;
mod print;
mod progress;
mod text;

pub use exit::Exit;
pub(crate) use output::has_colours;
pub use output::{Output, Style};
pub use print::{note, print};
pub use progress::Progress;
pub use text::{columns, is_control_or_bidi, printable};
