//! Inside a top-level module of `src`, files use each other in one direction, at
//! any depth: a reader who follows what a file uses never comes back to it.
//!
//! A file uses the file that defines a name, whoever re-exports it: `mod.rs` is
//! used only for what it defines itself, and uses a child only by more than
//! declaring it and re-exporting its names. Method calls are not seen.

use crate::architecture::sources;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The names from the top-level module down to a file: `simulator`, `settings`.
type Module = Vec<String>;

/// A name that a `use` brings into a file.
struct Import {
    path: Vec<String>,
    /// `*` for all names.
    name: String,
    public: bool,
}

/// What a file imports, and the paths that its other code names.
struct Names {
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
}

/// The words and signs of code, without comments, texts and the tests at its end.
fn tokens(code: &str) -> Vec<String> {
    let mut rest = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(text) = rest.strip_prefix("r#\"") {
            3 + text.find("\"#").map_or(text.len(), |end| end + 2)
        } else if let Some(text) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = text.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            1 + end.map_or(text.len(), |end| end + 1)
        } else if let Some(length) =
            ["'\"'", "'\\\"'", "::"].iter().find(|sign| rest.starts_with(**sign)).map(|s| s.len())
        {
            found.extend((length == 2).then(|| "::".to_owned()));
            length
        } else {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = word.max(first.len_utf8());
            found.extend((!first.is_whitespace()).then(|| rest[..length].to_owned()));
            length
        };
        rest = &rest[length..];
    }
    found
}

/// Reads one tree of a `use` behind `path`; returns how many tokens it takes.
fn tree(tokens: &[String], mut path: Vec<String>, public: bool, imports: &mut Vec<Import>) -> usize {
    let mut at = 0;
    let mut name = None;
    loop {
        match tokens[at].as_str() {
            "{" => {
                while tokens[at] != "}" {
                    at += 1; // the brace, or a comma
                    if tokens[at] != "}" {
                        at += tree(&tokens[at..], path.clone(), public, imports);
                    }
                }
                return at + 1;
            }
            "," | "}" | ";" => {
                let name = name.or_else(|| path.last().cloned()).unwrap();
                imports.push(Import { path, name, public });
                return at;
            }
            "::" => {}
            "as" => {
                at += 1;
                name = Some(tokens[at].clone());
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
}

impl Names {
    fn of(code: &str) -> Self {
        let tokens = tokens(code);
        let (mut imports, mut paths) = (Vec::new(), Vec::new());
        let (mut at, mut public) = (0, false);
        while at < tokens.len() {
            match tokens[at].as_str() {
                "use" => at += tree(&tokens[at + 1..], Vec::new(), public, &mut imports),
                "mod" => at += 1, // its name: a declaration is no use
                "pub" => public = true,
                "(" | ")" | "crate" | "super" if public => {}
                word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    let mut path = vec![word.to_owned()];
                    while tokens.get(at + 1).is_some_and(|sign| sign == "::")
                        && tokens.get(at + 2).is_some_and(|word| word.starts_with(|c: char| c.is_alphabetic()))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    paths.push(path);
                    public = false;
                }
                _ => public = false,
            }
            at += 1;
        }
        Self { imports, paths }
    }

    fn import(&self, name: &str) -> Option<&Import> {
        self.imports.iter().find(|import| import.name == name)
    }
}

/// All files, by their module.
struct Files(BTreeMap<Module, Names>);

impl Files {
    fn new<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let module = |file: &str| {
            let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
            path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
        };
        Self(files.into_iter().map(|(file, code)| (module(file), Names::of(&code))).collect())
    }

    fn child(&self, of: &Module, name: &str) -> Option<Module> {
        let child = [of.as_slice(), &[name.to_owned()]].concat();
        self.0.contains_key(&child).then_some(child)
    }

    /// The file that defines what `path` names in `file`; `None` where that is a
    /// module, or nothing of ours.
    fn defining(&self, file: &Module, path: &[String]) -> Option<Module> {
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => file.clone(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                rest = &path[ups..];
                file[..file.len().checked_sub(ups)?].to_vec()
            }
            name => match (self.child(file, name), self.0[file].import(name)) {
                (Some(child), None) => child,
                (Some(child), Some(_)) if !rest.is_empty() => child,
                (_, Some(import)) if import.path != path => {
                    return self.defining(file, &[import.path.as_slice(), rest].concat());
                }
                _ => return None,
            },
        };
        while let Some((name, below)) = rest.split_first() {
            let import = self.0.get(&module)?.import(name);
            match (self.child(&module, name), import) {
                (Some(child), None) => module = child,
                (Some(child), Some(_)) if !below.is_empty() => module = child,
                (_, Some(import)) => return self.defining(&module, &import.path),
                (None, None) => return Some(module),
            }
            rest = below;
        }
        None
    }

    /// The files of the same top-level module that a file uses.
    fn used(&self, file: &Module) -> BTreeSet<Module> {
        let names = &self.0[file];
        let named = |name: &str| names.paths.iter().any(|path| path[0] == name);
        let imports = names.imports.iter().filter(|import| !import.public || named(&import.name));
        let paths = imports.map(|import| &import.path).chain(names.paths.iter().filter(|path| path.len() > 1));
        let used = paths.filter_map(|path| self.defining(file, path));
        used.filter(|used| used != file && used.first() == file.first()).collect()
    }

    /// The files that can be reached from each other, each circle once.
    fn circles(&self) -> BTreeSet<BTreeSet<String>> {
        let used: BTreeMap<&Module, BTreeSet<Module>> = self.0.keys().map(|file| (file, self.used(file))).collect();
        let reached = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(file) = next.pop() {
                next.extend(used[&file].iter().filter(|used| seen.insert((*used).clone())).cloned());
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> = self.0.keys().map(|file| (file, reached(file))).collect();
        let circle = |(file, below): (&&Module, &BTreeSet<Module>)| -> BTreeSet<String> {
            below.iter().filter(|other| reached[other].contains(*file)).map(|other| other.join("/")).collect()
        };
        reached.iter().map(circle).filter(|circle| !circle.is_empty()).collect()
    }
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let files: Vec<(String, String)> =
        sources(&root).iter().map(|path| (below(path), fs::read_to_string(path).unwrap())).collect();
    let production = files.iter().filter(|(file, _)| !file.contains("tests/") && !file.starts_with("bin/"));
    let files = Files::new(production.map(|(file, code)| (file.as_str(), code.clone())));
    let circles = files.circles();
    let arrows = circles.iter().flatten().map(|file| {
        let used = files.used(&file.split('/').map(str::to_owned).collect());
        format!("{file} uses {}", used.iter().map(|used| used.join("/")).collect::<Vec<_>>().join(", "))
    });
    assert!(circles.is_empty(), "{circles:#?}\n{}", arrows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_circle_is_seen_at_any_depth_and_through_any_re_export() {
    let circles = |files: &[(&str, &str)]| -> Vec<Vec<String>> {
        let files = Files::new(files.iter().map(|(file, code)| (*file, (*code).to_owned())));
        files.circles().into_iter().map(|circle| circle.into_iter().collect()).collect()
    };
    let hub = ("core/mod.rs", "mod a;\nmod b;\npub use a::{A, other};\npub(crate) use b::B as Bee;");
    assert!(
        circles(&[("lib.rs", "pub mod core;"), hub, ("core/a.rs", "use super::Bee;"), ("core/b.rs", "")]).is_empty()
    );
    for (a, b) in [
        ("use super::{Bee, words::Words};", "fn of(a: &crate::core::A) {}"),
        ("use super::{\n    b::B,\n};", "use crate::{core::A, policy::Minutes};"),
        ("use super::b;\nfn f() { b::g() }", "use super::other as another;"),
    ] {
        assert_eq!(
            circles(&[("lib.rs", ""), hub, ("core/a.rs", a), ("core/b.rs", b)]),
            [["core/a", "core/b"]],
            "{a} {b}"
        );
    }
    let tests =
        "// use super::Bee;\nfn f() { \"super::Bee\"; }\n#[cfg(test)]\nmod tests {\n    use super::super::Bee;\n}";
    assert!(circles(&[("lib.rs", ""), hub, ("core/a.rs", tests), ("core/b.rs", "use super::A;")]).is_empty());

    let parent = |uses: &str| format!("mod a;\n{uses}\npub struct Parent;");
    for (uses, child, circle) in [
        ("pub use a::A;", "use super::Parent;", false),
        ("pub use a::a;", "use super::Parent;", false),
        ("use a::A;", "use super::Parent;", true),
        ("pub use a::A;\nfn f() -> A {}", "use super::Parent;", true),
        ("fn f() { a::g() }", "fn f(_: super::Parent) {}", true),
        ("fn f() { a::g() }", "", false),
    ] {
        let found = circles(&[("lib.rs", ""), ("core/mod.rs", &parent(uses)), ("core/a.rs", child)]);
        assert_eq!(!found.is_empty(), circle, "{uses} {child}");
    }
    let deep = [
        ("lib.rs", ""),
        ("core/mod.rs", "mod x;\nmod y;"),
        ("core/x.rs", "use super::y::deep::Deep;"),
        ("core/y/mod.rs", "pub(crate) mod deep;"),
        ("core/y/deep.rs", "use crate::core::x::X;"),
    ];
    assert_eq!(circles(&deep), [["core/x", "core/y/deep"]]);
}
