//! The files and folders that `--exclude` and `.ospignore` leave out. Both have the format of `.gitignore`.

use super::document::ReadError;
use super::tree::Position;
use crate::gitops::Rule;
use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};
use std::{
    fs,
    path::{Component, Path},
    rc::Rc,
};

/// The file in a folder that names what to leave out of it.
const FILE: &str = ".ospignore";
/// The most bytes of it, since a pipeline reads files of strangers.
const LARGEST: u64 = 64 << 10;

/// The files `.ospignore` that are valid for a folder, from the outermost to its own.
pub(super) type Ignored = Vec<Rc<Gitignore>>;

#[derive(Default)]
pub(super) struct Exclude(Option<Gitignore>);

impl Exclude {
    /// Patterns that were checked when the arguments were parsed.
    pub(super) fn new(patterns: &[String]) -> Self {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            drop(builder.add_line(None, pattern));
        }
        Self(builder.build().ok())
    }

    /// Whether a pattern matches `path` or a folder that it is in, seen from the current folder or from
    /// `root`, the folder that was named.
    pub(super) fn has(&self, path: &Path, root: &Path, is_folder: bool) -> bool {
        let Some(patterns) = &self.0 else { return false };
        let below = path.strip_prefix(root).unwrap_or(path);
        [path, below].into_iter().any(|path| {
            let folders = path.ancestors().skip(1).filter(|folder| folder.file_name().is_some());
            let own = (!path.as_os_str().is_empty()).then(|| patterns.matched(path, is_folder));
            own.into_iter().chain(folders.map(|folder| patterns.matched(folder, true))).any(|found| found.is_ignore())
        })
    }
}

/// Whether one of the files leaves `path` out; the innermost decides.
pub(super) fn is_ignored(ignored: &Ignored, path: &Path, is_folder: bool) -> bool {
    let found = ignored.iter().rev().map(|patterns| patterns.matched(path, is_folder)).find(|found| !found.is_none());
    matches!(found, Some(Match::Ignore(_)))
}

/// The files of the folders that `folder` is in, up to the current one.
pub(super) fn above(folder: &Path, report: &mut dyn FnMut(&Path, ReadError)) -> Ignored {
    let mut ignored = Vec::new();
    if folder.is_absolute() || folder.components().any(|part| part == Component::ParentDir) {
        return ignored;
    }
    let outer: Vec<&Path> = folder.ancestors().skip(1).filter(|_| folder != Path::new(".")).collect();
    outer.into_iter().rev().for_each(|folder| add(&mut ignored, folder, report));
    ignored
}

/// Adds the file of `folder`, if there is one.
pub(super) fn add(ignored: &mut Ignored, folder: &Path, report: &mut dyn FnMut(&Path, ReadError)) {
    let path = folder.join(FILE);
    let Ok(found) = fs::symlink_metadata(&path) else { return };
    let error = |rule, message: String| ReadError { rule, at: Position::START, message, fix: None };
    if !found.is_file() || found.len() > LARGEST {
        return report(&path, error(Rule::Limit, format!("must be a file of at most {LARGEST} bytes")));
    }
    let (patterns, wrong) = Gitignore::new(&path);
    if let Some(wrong) = wrong {
        return report(&path, error(Rule::Syntax, format!("cannot be read as a list of patterns: {wrong}")));
    }
    ignored.push(Rc::new(patterns));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_from_the_current_folder_and_from_the_named_one() {
        let exclude = Exclude::new(&["/repo/chart/".into(), "data/*.json".into(), "vendor".into()]);
        let has = |path: &str, is_folder| exclude.has(Path::new(path), Path::new("repo"), is_folder);
        for (path, is_folder, expected) in [
            ("repo/chart", true, true),
            ("repo/chart", false, false),
            ("repo/chart/templates/a.yaml", false, true),
            ("repo/data/big.json", false, true),
            ("repo/a/data/big.json", false, false),
            ("repo/a/vendor/b/c.yaml", false, true),
            ("repo/a.yaml", false, false),
            ("repo", true, false),
        ] {
            assert_eq!(has(path, is_folder), expected, "{path}");
        }
        assert!(!Exclude::default().has(Path::new("a"), Path::new(""), false));
        assert!(Exclude::new(&["a.yaml".into()]).has(Path::new("./x/a.yaml"), Path::new("./x/a.yaml"), false));
        assert!(Exclude::new(&["/x".into()]).has(Path::new("/abs/x/a.yaml"), Path::new("/abs"), false));
    }
}
