//! The files and folders that `--exclude` and `.ospignore` leave out. Both have the format of `.gitignore`.

use super::document::ReadError;
use super::tree::Position;
use crate::gitops::{Rule, options::patterns};
use ignore::{Match, gitignore::Gitignore};
use std::{
    env, fs,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

/// The file in a folder that names what to leave out of it.
const FILE: &str = ".ospignore";
/// The most bytes of it, since a pipeline reads files of strangers.
const LARGEST: u64 = 64 << 10;

/// The files `.ospignore` that are valid for a folder, from the outermost to its own.
pub(super) type Ignored = Vec<Rc<Gitignore>>;

/// The patterns of `--exclude`.
#[derive(Default)]
pub(super) struct Exclude {
    patterns: Option<Gitignore>,
    current: PathBuf,
}

impl Exclude {
    /// Patterns that were checked when the arguments were parsed. One may also be a path as a shell completes it.
    pub(super) fn new(given: &[String]) -> Self {
        let current = env::current_dir().unwrap_or_default();
        let mut builder = patterns(Path::new(""));
        for pattern in given {
            let below = Path::new(pattern).strip_prefix(&current).ok().and_then(Path::to_str);
            let pattern =
                below.map_or_else(|| pattern.trim_start_matches("./").to_owned(), |below| format!("/{below}"));
            drop(builder.add_line(None, &pattern));
        }
        Self { patterns: builder.build().ok(), current }
    }

    /// Whether a pattern matches `path`, seen from the current folder or from `root`, the folder that was named.
    pub(super) fn has(&self, path: &Path, root: &Path, is_folder: bool) -> bool {
        let Some(patterns) = &self.patterns else { return false };
        let views = [path.strip_prefix(&self.current).unwrap_or(path), path.strip_prefix(root).unwrap_or(path)];
        views.iter().any(|view| !view.as_os_str().is_empty() && patterns.matched(view, is_folder).is_ignore())
    }

    /// Whether a pattern matches a file that is named itself, or a folder that it is in.
    pub(super) fn has_named(&self, path: &Path) -> bool {
        let mut folders = path.ancestors().skip(1).filter(|folder| folder.file_name().is_some());
        self.has(path, Path::new(""), false) || folders.any(|folder| self.has(folder, Path::new(""), true))
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
    let error = |rule, line, message: String| ReadError { rule, at: Position { line, column: 1 }, message, fix: None };
    if !found.is_file() || found.len() > LARGEST {
        let message = format!("must be a file, and no link to one, of at most {LARGEST} bytes");
        return report(&path, error(Rule::Limit, 1, message));
    }
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(why) => return report(&path, error(Rule::Unreadable, 1, format!("cannot be read: {why}"))),
    };
    let mut builder = patterns(folder);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    for (line, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
        let wrong = match str::from_utf8(bytes) {
            Ok(pattern) => builder.add_line(None, pattern.trim_end_matches('\r')).err().map(|why| why.to_string()),
            Err(_) => Some("it is not UTF-8".to_owned()),
        };
        if let Some(why) = wrong {
            report(&path, error(Rule::Syntax, line + 1, format!("this line is no pattern of .gitignore: {why}")));
        }
    }
    match builder.build() {
        Ok(patterns) => ignored.push(Rc::new(patterns)),
        Err(why) => report(&path, error(Rule::Syntax, 1, format!("cannot be read as a list of patterns: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_from_the_current_folder_and_from_the_named_one() {
        let here = env::current_dir().unwrap();
        let absolute = here.join("repo/ci").to_str().unwrap().to_owned();
        let patterns = ["/repo/chart/", "data/*.json", "vendor", "./repo/x.yaml", &absolute, "*.yml", "!kept.yml"];
        let exclude = Exclude::new(&patterns.map(str::to_owned));
        for (path, is_folder, expected) in [
            ("repo/chart", true, true),
            ("repo/chart", false, false),
            ("repo/data/big.json", false, true),
            ("repo/a/data/big.json", false, false),
            ("repo/a/vendor", true, true),
            ("repo/x.yaml", false, true),
            ("repo/ci", true, true),
            ("repo/a.yml", false, true),
            ("repo/kept.yml", false, false),
            ("repo/a.yaml", false, false),
            ("repo", true, false),
        ] {
            assert_eq!(exclude.has(Path::new(path), Path::new("repo"), is_folder), expected, "{path}");
            assert_eq!(exclude.has(&here.join(path), &here.join("repo"), is_folder), expected, "{path}");
        }
        for (path, expected) in [("repo/chart/templates/a.yaml", true), ("./vendor/a.yaml", true), ("a.yaml", false)] {
            assert_eq!(exclude.has_named(Path::new(path)), expected, "{path}");
        }
        assert!(!Exclude::default().has(Path::new("a"), Path::new(""), false));
    }
}
