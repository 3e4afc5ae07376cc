//! Builds the copy, and finds out from the compiler which mutants it can't have.

use crate::{
    listed::Mutant,
    switch::{Region, SWITCH, switched},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the compiler says of the copy and its tests, a value each; and whether all is well.
pub(crate) fn compile(place: &Path, target: &str, what: &[&str]) -> (Vec<Value>, bool) {
    let ran = Command::new("cargo")
        .args(what)
        .args(["--lib", "--message-format=json", "--target-dir", target])
        .env("RUSTFLAGS", "--cap-lints=allow")
        .current_dir(place)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let all: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(ran.status.success() || all.iter().any(is_error), "{}", String::from_utf8_lossy(&ran.stderr));
    (all, ran.status.success())
}

fn is_error(said: &Value) -> bool {
    said["message"]["level"] == "error"
}

pub(crate) fn binary(said: &[Value]) -> PathBuf {
    PathBuf::from(said.iter().find_map(|said| said["executable"].as_str()).unwrap())
}

/// The mutants that are not in the build.
#[derive(Default)]
pub(crate) struct Outside {
    /// Their own code does not compile.
    pub(crate) unviable: BTreeSet<usize>,
    /// It does not compile behind a switch.
    pub(crate) left: BTreeSet<usize>,
}

impl Outside {
    pub(crate) fn has(&self, number: usize) -> bool {
        self.unviable.contains(&number) || self.left.contains(&number)
    }

    fn count(&self) -> usize {
        self.unviable.len() + self.left.len()
    }
}

/// The tests with all mutants in them but those that do not compile so.
pub(crate) fn build_switched(
    place: &Path,
    mutants: &[Mutant],
    originals: &BTreeMap<PathBuf, String>,
) -> (PathBuf, Outside) {
    let library = place.join("src/lib.rs");
    fs::write(&library, fs::read_to_string(&library).unwrap() + SWITCH).unwrap();
    let numbered = || mutants.iter().enumerate().map(|(at, mutant)| (at + 1, mutant));
    // of the types that `impl` may stand for there is one in a function, and a mutant's is another one
    let mut outside = Outside::default();
    outside.left.extend(numbered().filter(|(_, mutant)| mutant.returns_some_type()).map(|(number, _)| number));
    loop {
        let mut regions = BTreeMap::new();
        for (path, code) in originals {
            let of_file = numbered().filter(|(_, mutant)| place.join(&mutant.file) == *path);
            let here: Vec<_> = of_file.filter(|(number, _)| !outside.has(*number)).collect();
            let (text, of_file) = switched(code, &here);
            fs::write(path, text).unwrap();
            // what only tests a pattern can't be put into an `if` of its own
            let placed: BTreeSet<usize> = of_file.iter().flat_map(|region| region.mutants.clone()).collect();
            outside.left.extend(here.iter().map(|(number, _)| *number).filter(|number| !placed.contains(number)));
            regions.insert(path.strip_prefix(place).unwrap().to_str().unwrap(), of_file);
        }
        let (said, well) = compile(place, "target", &["check", "--profile", "test"]);
        if well {
            break;
        }
        let before = outside.count();
        for error in said.iter().filter(|said| is_error(said)) {
            blame(&error["message"], &regions, mutants, &mut outside);
        }
        let Outside { unviable, left } = &outside;
        println!("{} mutants do not compile, {} not behind a switch", unviable.len(), left.len());
        let errors = said.iter().filter_map(|said| said["message"]["rendered"].as_str()).collect::<String>();
        assert!(outside.count() > before, "{errors}");
    }
    let (said, well) = compile(place, "target", &["test", "--no-run"]);
    assert!(well, "what was checked is built");
    (binary(&said), outside)
}

/// Takes out the mutants in whose text the error is, in the smallest part that has any; or those of the function that it
/// names, which was const until it had a switch.
fn blame(error: &Value, regions: &BTreeMap<&str, Vec<Region>>, mutants: &[Mutant], outside: &mut Outside) {
    let message = error["message"].as_str().unwrap();
    let of_the_switch = message.contains("const");
    for span in error["spans"].as_array().unwrap().iter().filter(|span| span["is_primary"] == true) {
        let byte = |name: &str| span[name].as_u64().unwrap() as usize;
        let (start, end) = (byte("byte_start"), byte("byte_end"));
        let of_file = regions.get(span["file_name"].as_str().unwrap());
        let around =
            of_file.into_iter().flatten().filter(|region| region.bytes.start <= start && end <= region.bytes.end);
        if let Some(region) = around.min_by_key(|region| region.bytes.len()) {
            let its_own = region.is_a_branch && !of_the_switch;
            let set = if its_own { &mut outside.unviable } else { &mut outside.left };
            return set.extend(&region.mutants);
        }
    }
    if of_the_switch && let Some(name) = message.split('`').nth(1) {
        let function = name.rsplit("::").next().unwrap();
        let is_it = |mutant: &Mutant| mutant.genre == "FnValue" && mutant.function == function;
        outside.left.extend(mutants.iter().enumerate().filter(|(_, mutant)| is_it(mutant)).map(|(at, _)| at + 1));
    }
}
