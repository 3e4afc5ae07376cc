//! Writes files: complete or not at all, and never through a symbolic link.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Writes `target` as a new file of this `mode`. An existing file is replaced; anything else under
/// that name is an error and stays.
pub(super) fn replace(
    target: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if fs::symlink_metadata(target).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is not a regular file"));
    }
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // a new file, so no link can be in its place; rename does not follow one either
    let temporary = target.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?);
    let written = write(&mut file).and_then(|()| file.flush()).and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Puts `path` before the message of an IO error.
pub(super) fn with_path(path: &Path) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
