//! Texts that a fuzzer starts from, and those that one has found: each is
//! answered soundly. What `make fuzz` finds becomes a file of `seeds/`.

use super::sound::{FORMATS, sound};
use clap::ValueEnum;
use session_policy_operator::gitops::Format;
use std::{fs, path::Path};

#[test]
fn every_seed_is_answered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["examples", "tests/it/osp/seeds"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let faults = files.filter_map(|file| {
        let fault = sound(&fs::read(&file).unwrap(), &FORMATS).err()?;
        Some(format!("{}: {fault}", file.display()))
    });
    let faults: Vec<_> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_output_is_checked() {
    assert_eq!(FORMATS, Format::value_variants());
}
