//! Arguments, and output for people: the width and the colours of the terminal, and the escaping of texts from
//! others, so that they control neither the terminal nor the pipeline that shows them.

mod arguments;
mod confirm;
mod exit;
mod near;
mod output;
mod print;
mod progress;
mod text;

pub use arguments::{parse, print_usage};
pub use confirm::confirm;
pub use exit::Exit;
pub use near::near;
pub(crate) use output::has_colours;
pub use output::{Output, Style};
pub use print::{note, print, with_causes};
pub use progress::Progress;
pub use text::{columns, printable};
