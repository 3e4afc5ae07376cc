//! Finds the files to read, in order, and reads their texts within the limits.

use super::Limits;
use super::document::ReadError;
use super::exclude::{self, Exclude};
use super::tree::Position;
use crate::{gitops::Rule, terminal::printable};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str,
};

/// A text to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The name in diagnostics.
    pub(super) name: String,
    /// `None`: the standard input.
    pub(super) path: Option<PathBuf>,
}

/// A file, or the name of a path that cannot be read, and the error.
pub(super) type Found = Result<Source, (String, ReadError)>;

/// How the names of manifests end; below a folder other files are skipped.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Finds files; each is returned once, however often and by whatever path it is named.
#[derive(Default)]
pub(super) struct Search {
    seen: HashSet<PathBuf>,
    /// Whether the last search skipped a file that an earlier one returned.
    pub(super) already_read: bool,
    exclude: Exclude,
    /// The files and folders that were left out.
    pub(super) excluded: Vec<String>,
}

impl Search {
    /// A search that leaves out what `patterns` match.
    pub(super) fn without(patterns: &[String]) -> Self {
        Self { exclude: Exclude::new(patterns), ..Self::default() }
    }

    /// Passes the files at `path` to `found`: the file itself, or the manifests below a folder, sorted
    /// by name. Below a folder, names that begin with a dot and what `.ospignore` names are skipped, and links
    /// to folders are not followed, since they may form a circle.
    pub(super) fn at(&mut self, path: &Path, found: &mut dyn FnMut(Found)) {
        self.already_read = false;
        if path == Path::new("-") {
            return self.once(path.to_owned(), Source { name: "<stdin>".into(), path: None }, found);
        }
        match fs::metadata(path) {
            Ok(is) if is.is_dir() => self.below(path, found),
            Ok(_) if self.exclude.has_named(path) => self.excluded.push(name(path)),
            Ok(_) => self.file(path, found),
            Err(error) => found(Err((name(path), not_found(path, &error)))),
        }
    }

    fn below(&mut self, root: &Path, found: &mut dyn FnMut(Found)) {
        let mut report = |path: &Path, error: ReadError| found(Err((name(path), error)));
        let mut folders = vec![(root.to_owned(), exclude::above(root, &mut report))];
        while let Some((folder, mut ignored)) = folders.pop() {
            exclude::add(&mut ignored, &folder, &mut |path, error| found(Err((name(path), error))));
            let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    found(Err((name(&folder), unreadable(&error))));
                    continue;
                }
            };
            entries.sort_by_key(fs::DirEntry::file_name);
            let mut inner = Vec::new();
            for entry in entries.iter().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")) {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|is| is.is_dir());
                let is_manifest = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
                if !is_folder && !is_manifest {
                    continue;
                }
                if self.exclude.has(&path, root, is_folder) || exclude::is_ignored(&ignored, &path, is_folder) {
                    self.excluded.push(name(&path));
                } else if is_folder {
                    inner.push((path, ignored.clone()));
                } else {
                    match fs::metadata(&path) {
                        Ok(is) if is.is_file() => self.file(&path, found),
                        Ok(_) => {}
                        Err(error) => found(Err((name(&path), unreadable(&error)))),
                    }
                }
            }
            folders.extend(inner.into_iter().rev());
        }
    }

    fn file(&mut self, path: &Path, found: &mut dyn FnMut(Found)) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.once(real, Source { name: name(path), path: Some(path.to_owned()) }, found);
    }

    fn once(&mut self, real: PathBuf, source: Source, found: &mut dyn FnMut(Found)) {
        if self.seen.insert(real) {
            found(Ok(source));
        } else {
            self.already_read = true;
        }
    }
}

/// The path as text, not cut, since scripts open it.
pub(super) fn name(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

fn unreadable(error: &io::Error) -> ReadError {
    let (message, fix) = (format!("cannot be read: {error}"), "name a file or folder that you may read");
    ReadError { rule: Rule::Unreadable, at: Position::START, message, fix: Some(fix) }
}

/// What a path may be that is typed and not there.
fn not_found(path: &Path, error: &io::Error) -> ReadError {
    let typed = path.to_string_lossy();
    let is_url = ["https://", "http://"].iter().any(|scheme| typed.starts_with(scheme));
    let (message, fix) = match error.kind() {
        _ if is_url => ("a URL is not read", "pipe it: curl -fsSL URL | osp validate -"),
        io::ErrorKind::NotFound if typed.contains(['*', '?', '[']) => {
            ("no file has a name of this pattern", "check the pattern; the shell replaces it only without quotes")
        }
        io::ErrorKind::NotFound => ("there is no such file or folder", "check the path"),
        _ => return unreadable(error),
    };
    ReadError { rule: Rule::Unreadable, at: Position::START, message: message.to_owned(), fix: Some(fix) }
}

/// How much of a file is searched.
const SEARCHED: u64 = 64 << 20;

/// Whether a file contains one of `words`, in any case. True if it can't be read.
pub(super) fn mentions(source: &Source, words: &[&str]) -> bool {
    let Some(path) = &source.path else { return true };
    let Ok(file) = File::open(path) else { return true };
    let (mut file, mut window) = (file.take(SEARCHED), Vec::new());
    let longest = words.iter().map(|word| word.len()).max().unwrap_or_default();
    let mut part = vec![0; 64 << 10];
    loop {
        let Ok(read) = file.read(&mut part) else { return true };
        window.extend(part.iter().take(read).map(u8::to_ascii_lowercase));
        if words.iter().any(|word| window.windows(word.len()).any(|found| found == word.as_bytes())) {
            return true;
        }
        if read == 0 {
            return false;
        }
        // a word may begin in this part and end in the next
        window.drain(..window.len().saturating_sub(longest));
    }
}

/// The text of `source`. Reads at most one byte more than the limit of one file, or than `left`, what
/// is left of the limit of all files.
pub(super) fn text(source: &Source, stdin: &mut dyn Read, limits: &Limits, left: usize) -> Result<String, ReadError> {
    let most = limits.file_bytes.min(left);
    let bytes = match &source.path {
        None => bounded(stdin, most),
        Some(path) => File::open(path).and_then(|mut file| bounded(&mut file, most)),
    };
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    if bytes.len() > most {
        let (what, bytes, fix) = if limits.file_bytes <= left {
            ("a file", limits.file_bytes, "split it into smaller ones")
        } else {
            ("all input together", limits.total_bytes, "name fewer files at a time")
        };
        let message = format!("{what} may have at most {bytes} bytes");
        return Err(ReadError { rule: Rule::Limit, at: Position::START, message, fix: Some(fix) });
    }
    if let Some(name) = wide(&bytes) {
        let message = format!("this is {name}");
        let fix = Some("save the file as UTF-8");
        return Err(ReadError { rule: Rule::Encoding, at: Position::START, message, fix });
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(error.as_bytes(), error.utf8_error()))
}

/// The encoding of a text whose characters have two or four bytes, as PowerShell writes them, with or without a
/// byte order mark.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..=255, ..] | [1..=255, 0, 0, 0, ..] => {
            Some("UTF-32")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, 0, ..] | [1..=255, 0, 1..=255, 0, ..] => Some("UTF-16"),
        _ => None,
    }
}

fn bounded(from: &mut dyn Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_utf8(bytes: &[u8], error: str::Utf8Error) -> ReadError {
    let good = bytes.get(..error.valid_up_to()).and_then(|good| str::from_utf8(good).ok()).unwrap_or_default();
    // counted as the YAML parser counts: a line also ends with \r, and a byte order mark is no character
    let good = good.strip_prefix('\u{feff}').unwrap_or(good).replace("\r\n", "\n");
    let (before, last) = good.rsplit_once(['\n', '\r']).map_or((None, &*good), |(before, last)| (Some(before), last));
    let line = before.map_or(0, |before| before.split(['\n', '\r']).count()) + 1;
    let at = Position { line, column: last.chars().count() + 1 };
    ReadError { rule: Rule::Encoding, at, message: "this is not UTF-8".to_owned(), fix: Some("save the file as UTF-8") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what is read of an endless stream.
    struct Endless(usize);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            into.fill(b'#');
            self.0 += into.len();
            Ok(into.len())
        }
    }

    const STDIN: Source = Source { name: String::new(), path: None };

    #[test]
    fn of_an_endless_stream_only_the_limit_is_read() {
        let limits = Limits { file_bytes: 1000, total_bytes: 5000, ..Limits::default() };
        for (left, reported) in
            [(5000, "a file may have at most 1000 bytes"), (10, "all input together may have at most 5000 bytes")]
        {
            let mut stream = Endless(0);
            let error = text(&STDIN, &mut stream, &limits, left).unwrap_err();
            assert_eq!((error.rule, error.message.as_str()), (Rule::Limit, reported));
            assert_eq!(stream.0, limits.file_bytes.min(left) + 1);
        }
    }

    #[test]
    fn a_path_is_named_whole_and_in_one_line() {
        let long = "long/".repeat(800);
        assert_eq!(name(Path::new(&long)), long);
        assert_eq!(name(Path::new("a\nb")), "a\\nb");
    }

    #[test]
    fn what_is_not_utf_8_is_reported_with_its_location() {
        for (bytes, line, column, reported) in [
            (&b"a: 1\nb: \xff\n"[..], 2, 4, "not UTF-8"),
            (b"\xc3\xa9: \xc3", 1, 4, "not UTF-8"),
            (b"\xef\xbb\xbfa: \xff", 1, 4, "not UTF-8"),
            (b"a: 1\rb: 1\r\nc: \xff", 3, 4, "not UTF-8"),
            (b"\xff\xfea\0", 1, 1, "UTF-16"),
            (b"a\0p\0i\0", 1, 1, "UTF-16"),
            (b"\0a\0p", 1, 1, "UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0", 1, 1, "UTF-32"),
            (b"\0\0\0a", 1, 1, "UTF-32"),
        ] {
            let error = text(&STDIN, &mut &bytes[..], &Limits::default(), 100).unwrap_err();
            assert_eq!(error.at, Position { line, column });
            assert!(error.message.contains(reported), "{}", error.message);
        }
    }
}
