//! The modules of `src/` may use each other, and foreign crates, only as the
//! tables of `docs/development/architecture.md` say; and the paths on that page exist.

use crate::pictures::page;
use std::{
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = "docs/development/architecture.md";

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// One of the page's tables: of each row the name in the first cell, without a
/// slash at its end, and the names in the last cell.
struct Table(Vec<(String, Vec<String>)>);

impl Table {
    fn below(page: &str, header: &str) -> Self {
        let rows = page.split(header).nth(1).unwrap_or_else(|| panic!("{PAGE} has no table {header}"));
        let row = |line: &str| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let name = quoted(cells[0]).next().unwrap_or_else(|| panic!("no name in {line}")).trim_end_matches('/');
            (name.to_owned(), quoted(cells[cells.len() - 1]).map(str::to_owned).collect())
        };
        let lines = rows.lines().skip(1).take_while(|line| line.starts_with('|'));
        Self(lines.filter(|line| !line.starts_with("|---")).map(row).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(row, _)| row == name)
    }

    /// The names in the last cell of the row of `name`.
    fn of(&self, name: &str) -> &[String] {
        self.0.iter().find(|(row, _)| row == name).map_or(&[], |(_, listed)| listed)
    }
}

struct Rules {
    modules: Table,
    /// Foreign crate, and the modules that may use it.
    crates: Table,
}

impl Rules {
    fn read() -> Self {
        let page = page(PAGE);
        Self {
            modules: Table::below(&page, "| module | contains | may use |"),
            crates: Table::below(&page, "| crate | in |"),
        }
    }

    /// What `code` of `module` uses and may not.
    fn violations(&self, module: &str, code: &str) -> Vec<String> {
        let allowed = self.modules.of(module);
        let modules = modules_used(code)
            .into_iter()
            .filter(|used| used != module && self.modules.has(used) && !allowed.contains(used));
        let crates = self.crates.0.iter().filter(|(name, modules)| {
            let uses = [format!("use {name}::"), format!(" {name}::"), format!("({name}::")];
            !modules.iter().any(|allowed| allowed == module) && uses.iter().any(|using| code.contains(using))
        });
        modules.chain(crates.map(|(name, _)| name.clone())).collect()
    }
}

/// All Rust files below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The lines of code, without comments, and each with the text it stands in
/// (an import may span lines).
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules named behind `crate::`, alone or in braces.
fn modules_used(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word) = (1, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    c if depth == 1 && (c.is_alphanumeric() || c == '_') => word.push(c),
                    _ => {}
                }
                if depth == 1 && !(c.is_alphanumeric() || c == '_') && !word.is_empty() {
                    used.push(std::mem::take(&mut word));
                }
                if depth == 0 {
                    used.extend((!word.is_empty()).then_some(word));
                    break;
                }
            }
        } else {
            used.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    used
}

#[test]
fn no_module_uses_one_that_the_table_does_not_allow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rules = Rules::read();
    let mut wrong = Vec::new();
    for module in rules.modules.0.iter().map(|(name, _)| name.as_str()).chain(["bin"]) {
        let files = sources(&root.join(module));
        assert!(!files.is_empty(), "{module} is empty");
        for file in files {
            let found = rules.violations(module, &code(&file));
            wrong.extend(found.into_iter().map(|used| format!("{} uses {used}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_src_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules = Rules::read().modules;
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(!entry.path().is_dir() || name == "bin" || modules.has(&name), "{name} has no row");
    }
}

#[test]
fn the_tables_speak_of_modules_that_there_are() {
    let rules = Rules::read();
    assert!(rules.modules.0.len() >= 10 && rules.crates.0.len() >= 6, "a table is cut short");
    for (row, listed) in rules.modules.0.iter().chain(&rules.crates.0) {
        for module in listed {
            assert!(rules.modules.has(module) || module == "bin", "{row}: {module} is no module");
        }
    }
}

#[test]
fn every_path_of_the_page_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = page(PAGE);
    let path = |word: &str| {
        (word.contains('/') || word.ends_with(".rs"))
            && !word.starts_with('/')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let missing: Vec<&str> = page
        .lines()
        .flat_map(quoted)
        .filter(|word| path(word) && !root.join(word).exists() && !root.join("src").join(word).exists())
        .collect();
    assert!(missing.is_empty(), "{PAGE} names what does not exist: {missing:?}");
}

#[test]
fn a_forbidden_arrow_is_seen_in_every_spelling() {
    let rules = Rules::read();
    for code in [
        "use crate::crd::Spec;",
        "use crate::{\n    policy::Minutes,\n    crd::{Spec, Mode},\n};",
        "use crate::{policy, crd};",
        "let x: crate::crd::Spec;",
    ] {
        assert_eq!(rules.violations("reconcile", code), ["crd"], "{code}");
    }
    assert_eq!(rules.violations("policy", "use kube::Api;"), ["kube"]);
    assert!(rules.violations("controller", "use crate::{crd::Spec, policy::Minutes}; use kube::Api;").is_empty());
}
