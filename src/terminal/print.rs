//! To the standard output, and beside it.

use super::{printable, text::escape_command};
use std::io::{self, BufWriter, Write};

/// Writes to the standard output. A closed pipe is no failure: whoever read has
/// all it wanted.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("the standard output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something on the standard error, where it disturbs no reader of the
/// output.
pub fn note(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        drop(writeln!(err, "{}", escape_command(&printable(line))));
    }
}
