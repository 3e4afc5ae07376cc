//! Files to manifests, as little as plan and apply need. It stands in for
//! `load` and goes when that is there: nothing else reads files of the input.

use super::{Manifest, Place};
use crate::crd;
use serde_json::Value;
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The manifests of these files and folders (`-` is the standard input), or
/// all that is wrong with them.
pub(super) fn manifests(paths: &[PathBuf]) -> Result<Vec<Manifest>, Vec<String>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        let read =
            if path == Path::new("-") { stdin(&mut found, &mut wrong) } else { walk(path, &mut found, &mut wrong) };
        if let Err(error) = read {
            wrong.push(format!("{}: {error}", path.display()));
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn stdin(found: &mut Vec<Manifest>, wrong: &mut Vec<String>) -> io::Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    documents("<stdin>", &text, found, wrong);
    Ok(())
}

fn walk(path: &Path, found: &mut Vec<Manifest>, wrong: &mut Vec<String>) -> io::Result<()> {
    if !path.is_dir() {
        documents(&path.display().to_string(), &fs::read_to_string(path)?, found, wrong);
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            walk(&entry, found, wrong)?;
        }
    }
    Ok(())
}

fn documents(file: &str, text: &str, found: &mut Vec<Manifest>, wrong: &mut Vec<String>) {
    let (mut start, mut document) = (1, String::new());
    for (n, line) in text.lines().chain(["---"]).enumerate() {
        if line.trim_end() != "---" {
            document.push_str(line);
            document.push('\n');
            continue;
        }
        let place = Place { file: file.into(), line: start, column: 1 };
        match serde_yaml::from_str::<Value>(&document) {
            Ok(value) if value.get("kind").and_then(Value::as_str) == Some("OrganizationSessionPolicy") => {
                match crd::read(&value) {
                    Ok(declaration) => {
                        let text = |pointer| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
                        found.push(Manifest {
                            place,
                            namespace: text("/metadata/namespace"),
                            name: text("/metadata/name").unwrap_or_default(),
                            secret: text("/spec/credentialsSecretRef/name"),
                            declaration,
                        });
                    }
                    Err(violations) => wrong.extend(violations.iter().map(|v| format!("{place}: {v}"))),
                }
            }
            Ok(_) => {}
            Err(_) => wrong.push(format!("{place}: not YAML")),
        }
        document.clear();
        start = n + 2;
    }
}
