//! `make mutants`: errors that are put into the decision, each of which a property must find. All are built
//! into one copy of the sources, and `MUTANT` chooses one when it runs; the list is `tests/core/mutants.txt`.

use crate::figures::{publish, today};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

/// In the copy, for the code that asks which mutant it is.
const SWITCH: &str = "
pub(crate) fn mutant() -> usize {
    static CHOSEN: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| std::env::var(\"MUTANT\").map_or(0, |number| number.parse().unwrap()));
    *CHOSEN
}
";

/// One error, and what finds it.
struct Mutant {
    name: String,
    file: String,
    /// The code around what is replaced, and that.
    before: String,
    original: String,
    after: String,
    replacement: String,
    world: String,
    property: String,
}

fn root() -> PathBuf {
    Path::new(file!()).ancestors().nth(5).unwrap().to_owned()
}

fn mutants() -> Vec<Mutant> {
    let text = fs::read_to_string(root().join("tests/core/mutants.txt")).unwrap();
    let blocks = text.split("\n\n").skip(1).map(|block| block.trim().lines().collect::<Vec<_>>());
    let mutant = |lines: Vec<&str>| {
        let [name, file, code, replacement, killer] = lines[..] else { panic!("{lines:?}") };
        let (before, rest) = code.split_once('«').unwrap();
        let (original, after) = rest.split_once('»').unwrap();
        let (world, property) = killer.split_once(" | ").unwrap();
        let [name, file, before, original, after, replacement, world, property] =
            [name, file, before, original, after, replacement, world, property].map(str::to_owned);
        Mutant { name, file, before, original, after, replacement, world, property }
    };
    blocks.map(mutant).collect()
}

impl Mutant {
    fn code(&self) -> String {
        format!("{}{}{}", self.before, self.original, self.after)
    }

    fn put_into(&self, number: usize, copy: &Path) {
        let Self { before, original, after, replacement, .. } = self;
        let path = copy.join(&self.file);
        let code = fs::read_to_string(&path).unwrap();
        let switched =
            format!("{before}(if crate::mutant() == {number} {{ {replacement} }} else {{ {original} }}){after}");
        fs::write(path, code.replace(&self.code(), &switched)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// The tests with all mutants in them.
fn build(all: &[Mutant], place: &Path, target: &Path) -> PathBuf {
    drop(fs::remove_dir_all(place));
    for part in ["src/policy", "src/reconcile", "tests/core", "tests/figures.rs"] {
        copy(&root().join(part), &place.join(part));
    }
    all.iter().enumerate().for_each(|(at, mutant)| mutant.put_into(at + 1, place));
    let library = place.join("tests/core/lib.rs");
    fs::write(&library, fs::read_to_string(&library).unwrap() + SWITCH).unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--no-run", "--manifest-path"])
        .arg(place.join("tests/core/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .output()
        .unwrap();
    let said = String::from_utf8(built.stderr).unwrap();
    let binary = said.lines().find_map(|line| line.split_once("Executable unittests lib.rs (")?.1.strip_suffix(')'));
    PathBuf::from(binary.unwrap_or_else(|| panic!("{said}")))
}

const EXPLORER: &str = "reconcile::tests::explorer::every_state_keeps_every_property";

fn run(binary: &Path, place: &Path, number: usize, test: &str, world: &str) -> Output {
    Command::new(binary)
        .args(["--exact", "--nocapture", test])
        .current_dir(place.join("tests/core"))
        .env("MUTANT", number.to_string())
        .env("WORLD", world)
        .output()
        .unwrap()
}

#[test]
fn every_mutant_changes_code_that_is_there_once() {
    let all = mutants();
    assert!(all.len() >= 25);
    for mutant in all {
        let code = fs::read_to_string(root().join(&mutant.file)).unwrap();
        assert_eq!(code.matches(&mutant.code()).count(), 1, "{}", mutant.name);
    }
}

#[test]
#[ignore = "`make mutants`: builds the decision anew, and writes docs/proof.md"]
fn each_mutant_is_killed_by_its_property() {
    let tests = std::env::current_exe().unwrap();
    let target = tests.ancestors().nth(3).unwrap(); // of target/debug/deps/…
    let (all, place) = (mutants(), target.join("mutants"));
    let binary = build(&all, &place, &target.join("of-mutants")); // cargo would take the copy for the original
    assert!(
        run(&binary, &place, 0, EXPLORER, "a cache that gets old").status.success(),
        "without a mutant nothing is found"
    );
    let (mut rows, mut alive) = (Vec::new(), Vec::new());
    for (at, mutant) in all.iter().enumerate() {
        let begun = Instant::now();
        let by_test = mutant.world == "test";
        let test = if by_test { &mutant.property } else { EXPLORER };
        let ran = run(&binary, &place, at + 1, test, &mutant.world);
        let said = [ran.stdout, ran.stderr].map(|out| String::from_utf8(out).unwrap()).concat();
        let story =
            if by_test { format!("test {test} ... FAILED") } else { format!("{}: {}", mutant.world, mutant.property) };
        let killed = said.contains(&story) && !ran.status.success();
        if !killed {
            alive.push(format!("{}:\n{said}", mutant.name));
        }
        let by = if killed { mutant.property.rsplit("::").next().unwrap() } else { "**nothing**" };
        let seconds = begun.elapsed().as_secs_f64();
        rows.push(format!("| {} | `{}` | {} | {by} | {seconds:.1} |", mutant.name, mutant.file, mutant.world));
        println!("{}", rows.last().unwrap());
    }
    let figures = format!("{} passed, {} failed", all.len() - alive.len(), alive.len());
    println!("{figures}");
    assert!(alive.is_empty(), "{}", alive.join("\n\n"));
    let table = format!(
        "{figures}, {}.\n\n| error | in | world | found by | seconds |\n|---|---|---|---|---|\n{}",
        today(),
        rows.join("\n")
    );
    publish("docs/proof.md", "mutants", "mutants", &table);
}
