//! Inside a module, files import each other in one direction: what reads best
//! first needs no other, and a reader never goes in a circle. Only sibling
//! files count, with a folder as one of them.

use crate::architecture::sources;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

type Imports = BTreeMap<String, BTreeSet<String>>;

/// Code without comments and without the tests at its end.
fn production(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The words of a text, such as an import's.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// What follows `super::` (or the module's own path), to the end of the path or of its braces.
fn from_parent(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("super::").map(|(at, found)| {
        let rest = &code[at + found.len()..];
        let mut depth = 0;
        let end = rest.find(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0 && !c.is_alphanumeric() && !"_:{}".contains(c)
        });
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// The sibling files of a module and which of them each one imports, also by a
/// name that the module's own file passes on.
fn imports(module: &str, mod_rs: &str, files: &BTreeMap<String, String>) -> Imports {
    let mut passed_on = BTreeMap::new();
    for import in production(mod_rs).split("use ").skip(1) {
        let import = import.split(';').next().unwrap_or_default();
        if let Some((from, names)) = import.split_once("::")
            && files.contains_key(from)
        {
            passed_on.extend(words(names).map(|name| (name.to_owned(), from.to_owned())));
        }
    }
    let file = |word: &str| files.contains_key(word).then(|| word.to_owned()).or_else(|| passed_on.get(word).cloned());
    let of = |name: &str, code: &str| {
        let code = production(code).replace(&format!("crate::{module}::"), "super::");
        from_parent(&code).flat_map(words).filter_map(file).filter(|used| used != name).collect()
    };
    files.iter().map(|(name, code)| (name.clone(), of(name, code))).collect()
}

/// Files that can be reached from each other.
fn circles(imports: &Imports) -> BTreeSet<BTreeSet<String>> {
    let reached = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in imports.get(file).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> = imports.keys().map(|file| (file, reached(file))).collect();
    let circle = |(file, seen): (&&String, &BTreeSet<String>)| -> BTreeSet<String> {
        let back = all.iter().filter(|(other, seen_by)| seen.contains(**other) && seen_by.contains(*file));
        back.map(|(other, _)| (*other).clone()).collect()
    };
    all.iter().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// The sibling files of a module; a folder is one of them.
fn siblings(module: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for path in sources(module) {
        let below = path.strip_prefix(module).unwrap().to_str().unwrap().to_owned();
        let name = below.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        // what a file of a folder imports from its own folder is no import of the module
        let depth = below.matches('/').count();
        let own = if depth > 0 && !below.ends_with("/mod.rs") { depth + 1 } else { depth.max(1) };
        let code = fs::read_to_string(&path).unwrap();
        if name != "mod" && name != "tests" && own == 1 {
            files.entry(name).or_insert_with(String::new).push_str(&code);
        }
    }
    files
}

#[test]
fn no_file_of_a_module_needs_one_that_needs_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for module in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let Ok(mod_rs) = fs::read_to_string(module.join("mod.rs")) else { continue };
        let name = module.file_name().unwrap().to_str().unwrap();
        let found = circles(&imports(name, &mod_rs, &siblings(&module)));
        assert!(found.is_empty(), "in {name}: {found:?}");
    }
}

#[test]
fn a_circle_is_seen_through_names_that_are_passed_on() {
    let files = |all: &[(&str, &str)]| all.iter().map(|(name, code)| ((*name).into(), (*code).into())).collect();
    let knot = files(&[
        ("state", "use super::{Outcome, words::Words};"),
        ("outcome", "use super::{\n    words::{Words, cut},\n};"),
        ("words", "fn of(state: &crate::core::State) {}"),
        (
            "alone",
            "use super::State;\n// use super::alone;\n#[cfg(test)]\nmod tests {\n    use super::super::words;\n}",
        ),
    ]);
    let found = circles(&imports("core", "pub use state::{State, other};\npub use outcome::Outcome;", &knot));
    assert_eq!(found, [["outcome", "state", "words"].map(str::to_owned).into()].into());
    let line = files(&[("a", "use super::b::B;"), ("b", "use super::c;"), ("c", "")]);
    assert!(circles(&imports("core", "pub use b::B;", &line)).is_empty());
}
