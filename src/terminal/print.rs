//! Prints to the standard output, and notes to the standard error.

use super::{
    printable,
    text::{escape_command, without_codes},
};
use serde::Serialize;
use std::{
    error::Error,
    io::{self, BufWriter, Write},
};

/// Writes to the standard output. A closed pipe is not an error: the reader has all it wanted.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("the standard output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// `value` as YAML.
pub fn yaml(value: &impl Serialize) -> String {
    serde_yaml::to_string(value).unwrap_or_default()
}

/// Prints a note on the standard error, so that programs that read the output do not get it.
pub fn note(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        drop(writeln!(err, "{}", escape_command(&printable(&without_codes(line)))));
    }
}

/// The message of an error and of its causes, each once.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    without_codes(&text)
}
