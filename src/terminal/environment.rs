//! Environment variables that libraries read. An empty one counts as unset everywhere, and some libraries take it for a
//! value: with an empty `SSL_CERT_FILE` there would be no certificate to trust.

use std::{env, os::unix::process::CommandExt, process::Command};

/// What rustls and reqwest read; our own variables are handled where they are read.
const READ_BY_LIBRARIES: [&str; 10] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Starts the program anew in this process, without those of the variables that are empty, if there are any. A running
/// process can't safely change its own.
pub fn without_empty_variables() {
    let is_empty = |name: &&str| env::var_os(name).is_some_and(|value| value.is_empty());
    let empty: Vec<&str> = READ_BY_LIBRARIES.into_iter().filter(|name| is_empty(name)).collect();
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else { return };
    if empty.is_empty() {
        return;
    }
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    for name in &empty {
        command.env_remove(name);
    }
    let error = command.exec();
    super::note(&format!("warning: {} are set and empty, and count as set: {error}", empty.join(", ")));
}
