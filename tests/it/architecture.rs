//! The rooms of `src/` may use each other only as the table says, and foreign
//! crates only where they belong.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Room, and the rooms it may use. `scalekit` speaks `reconcile`'s calls and
/// faults, so that both the operator and the CLI carry out the same steps.
const ROOMS: [(&str, &[&str]); 10] = [
    ("policy", &[]),
    ("reconcile", &["policy"]),
    ("crd", &["policy"]),
    ("scalekit", &["policy", "reconcile", "telemetry"]),
    ("controller", &["policy", "reconcile", "crd", "scalekit", "telemetry"]),
    ("gitops", &["policy", "reconcile", "crd", "scalekit", "terminal"]),
    ("plugin", &["policy", "reconcile", "crd", "terminal"]),
    ("simulator", &[]),
    ("telemetry", &[]),
    ("terminal", &[]),
];

/// Foreign crate, and the rooms that may use it.
const FOREIGN: [(&str, &[&str]); 6] = [
    ("kube", &["crd", "controller", "plugin", "bin"]),
    ("k8s_openapi", &["crd", "controller", "plugin", "bin"]),
    ("reqwest", &["scalekit"]),
    ("axum", &["simulator", "telemetry"]),
    ("clap", &["gitops", "plugin", "bin"]),
    ("indicatif", &["terminal"]),
];

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

/// The rooms named behind `crate::`, alone or in braces.
fn rooms_used(code: &str) -> Vec<String> {
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

fn violations(room: &str, code: &str) -> Vec<String> {
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| allowed);
    let rooms = rooms_used(code)
        .into_iter()
        .filter(|used| used != room && ROOMS.iter().any(|(name, _)| name == used) && !allowed.contains(&used.as_str()));
    let foreign = FOREIGN.iter().filter(|(krate, rooms)| {
        !rooms.contains(&room)
            && [format!("use {krate}::"), format!(" {krate}::"), format!("({krate}::")].iter().any(|u| code.contains(u))
    });
    rooms.chain(foreign.map(|(krate, _)| (*krate).to_owned())).collect()
}

#[test]
fn no_room_uses_one_that_the_table_does_not_allow() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, _) in ROOMS {
        let files = sources(&root.join(room));
        assert!(!files.is_empty(), "{room} is empty");
        for file in files {
            let found = violations(room, &code(&file));
            wrong.extend(found.into_iter().map(|used| format!("{} uses {used}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_src_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let known = name == "bin" || ROOMS.iter().any(|(room, _)| *room == name);
        assert!(!entry.path().is_dir() || known, "{name} has no row");
    }
}

#[test]
fn a_forbidden_arrow_is_seen_in_every_spelling() {
    for code in [
        "use crate::crd::Spec;",
        "use crate::{\n    policy::Minutes,\n    crd::{Spec, Mode},\n};",
        "use crate::{policy, crd};",
        "let x: crate::crd::Spec;",
    ] {
        assert_eq!(violations("reconcile", code), ["crd"], "{code}");
    }
    assert_eq!(violations("policy", "use kube::Api;"), ["kube"]);
    assert!(violations("controller", "use crate::{crd::Spec, policy::Minutes}; use kube::Api;").is_empty());
}
