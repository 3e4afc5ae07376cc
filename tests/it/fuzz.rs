//! The fuzz target, the decision built alone, and what switches its mutants, are workspaces with a lock of their
//! own: they must not look at other versions than those that ship.

use std::{collections::HashSet, fs, path::Path};

/// Name and version of every package in a lock.
fn packages(lock: &str) -> HashSet<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(lock)).unwrap();
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
        line.map(|value| value.trim_end_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    packages.map(|package| (field(package, "name").unwrap(), field(package, "version").unwrap())).collect()
}

#[test]
fn the_fuzz_target_is_locked_to_the_versions_that_ship() {
    is_locked_to_the_versions_that_ship("fuzz", "granit-parser");
}

#[test]
fn the_decision_alone_is_locked_to_the_versions_that_ship() {
    is_locked_to_the_versions_that_ship("tests/core", "jiff");
}

#[test]
fn what_switches_mutants_is_locked_to_the_versions_that_ship() {
    is_locked_to_the_versions_that_ship("tests/mutants", "jiff");
}

fn is_locked_to_the_versions_that_ship(folder: &str, needs: &str) {
    let ours = packages("Cargo.lock");
    let names: HashSet<_> = ours.iter().map(|(name, _)| name).collect();
    let used = packages(&format!("{folder}/Cargo.lock"));
    let other: Vec<_> = used.iter().filter(|package| names.contains(&package.0) && !ours.contains(package)).collect();
    assert!(
        other.is_empty() && used.iter().any(|(name, _)| name == needs),
        "{folder}/Cargo.lock has other versions: {other:?}; run\n\n    cp Cargo.lock {folder}/ && cargo fetch --manifest-path {folder}/Cargo.toml\n"
    );
}
