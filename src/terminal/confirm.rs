//! Asks a person before something is done that can't be undone easily.

use std::io::{self, BufRead, IsTerminal, Write};

/// Asks on the terminal; only `yes` is one. It is an error if there is no terminal.
pub fn confirm(question: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(io::Error::other("there is no terminal to confirm on: use --yes"));
    }
    let mut out = io::stderr();
    write!(out, "{question} Only 'yes' will be accepted: ").and_then(|()| out.flush())?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response)?;
    Ok(response.trim() == "yes")
}
