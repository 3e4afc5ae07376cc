//! What people see: how wide a terminal is, whether it has colours, and that no
//! text in it moves the cursor of whoever reads it.

mod page;
mod print;
mod progress;
mod text;

pub use page::{Page, Tint};
pub use print::{note, print};
pub use progress::Progress;
pub use text::{columns, printable, steers};
