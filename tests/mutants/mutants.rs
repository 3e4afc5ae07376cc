//! `make mutants-all`: what cargo-mutants would change in the decision, place by place, with a build for each, is built
//! into one copy, where the environment variable `MUTANT` switches one on. What does not compile so is tried in cargo-mutants'
//! way, with one build each, if `ALONE` is set.
//!
//! `mutants PLACE LIST [all]`: PLACE is the copy (`tests/core/mutate` makes it), LIST what `cargo mutants --list --json` said;
//! with `all` the figures go into docs/proof.md.

mod alone;
mod cargo;
#[path = "../figures.rs"]
mod figures;
mod listed;
mod report;
mod run;
mod switch;

use std::{fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, list, all @ ..] = &arguments[..] else { panic!("mutants PLACE LIST [all]") };
    let (place, mutants) = (Path::new(place), listed::read(Path::new(list)));
    let originals = switch::originals(place, &mutants);
    let (binary, outside) = cargo::build_switched(place, &mutants, &originals);
    let tests = run::Tests::measured(&binary, place);
    let reasons = report::Reasons::read();
    let mut verdicts = run::all(&tests, &mutants, &outside, &reasons);
    for (path, code) in &originals {
        fs::write(path, code).unwrap();
    }
    let each = std::env::var("ALONE").is_ok_and(|alone| !alone.is_empty());
    alone::run(each, place, &tests, &mutants, &outside, &originals, &reasons, &mut verdicts);
    report::tell(&mutants, &verdicts, !all.is_empty())
}
