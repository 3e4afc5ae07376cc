//! Arguments, and output for people: the width and the colours of the terminal, and the escaping of texts from
//! others, so that they control neither the terminal nor the pipeline that shows them.

mod arguments;
mod confirm;
mod environment;
mod exit;
mod foreign;
mod manual;
mod near;
mod output;
mod print;
mod progress;
mod shell;
mod text;

pub use arguments::{parse, print_usage};
pub use confirm::confirm;
pub use environment::without_empty_variables;
pub use exit::Exit;
pub use manual::{Section, sections, with_manuals};
pub use near::near;
pub(crate) use output::has_colours;
pub use output::{Format, Output, Style};
pub use print::{note, print, with_causes, yaml};
pub use progress::Progress;
pub use shell::{COMPLETE, FILES_TOO, KUBECTL_COMPLETE, NO_FILES, asking};
pub use text::{columns, counted, printable, without_codes};
