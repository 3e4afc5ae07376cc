//! The folder of `osp export --directory`: one file for each organization, and no file outside of it.

use crate::gitops::file;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A real folder, not a symbolic link to one.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, or creates it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder, or a symbolic link")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(path)?,
            Err(error) => return Err(error),
        }
        Ok(Self(path.to_owned()))
    }

    /// Writes `name`.yaml as [`file::replace`] does. Somebody may have edited a file that is there and differs, so it is
    /// an error unless `overwrite`.
    pub(super) fn write(&self, name: &str, text: &str, overwrite: bool) -> Result<(), String> {
        let path = self.0.join(format!("{name}.yaml"));
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if let Some(found) = fs::read(&path).ok().filter(|_| is_file && !overwrite) {
            let differs = || format!("{}: the file is there and differs; --overwrite replaces it", path.display());
            return if found == text.as_bytes() { Ok(()) } else { Err(differs()) };
        }
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!("{}: no name for a file", path.display()));
        }
        file::replace(&path, 0o666, |out| out.write_all(text.as_bytes())).map_err(file::with_path(&path))
    }
}
