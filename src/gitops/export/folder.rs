//! One file for each organization, in one folder and nowhere else.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A folder that is really one, not a link to one elsewhere.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens `path`, and makes it if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder, or a symbolic link")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(path)?,
            Err(error) => return Err(error),
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes `name`.yaml, whole or not at all. What is there under that name
    /// is replaced if it is a file; a link is not followed, and is an error.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name for a file"));
        }
        let target = self.0.join(format!("{name}.yaml"));
        match fs::symlink_metadata(&target) {
            Ok(found) if !found.is_file() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else than a file"));
            }
            _ => {}
        }
        // a new file, so no link can be in its place; renaming does not follow one either
        let draft = self.0.join(format!(".{name}.{}", std::process::id()));
        let written = File::create_new(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&draft, &target));
        if written.is_err() {
            drop(fs::remove_file(&draft));
        }
        written
    }
}
