//! What does not compile behind a switch: a build of its own for each, as cargo-mutants would do it.

use crate::{
    cargo::{Outside, binary, compile},
    listed::{Mutant, at},
    report::Reasons,
    run::{Tests, Verdict},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// `each`: try them, a minute each; else they count as not tried.
pub(crate) fn run(
    each: bool,
    place: &Path,
    tests: &Tests,
    mutants: &[Mutant],
    outside: &Outside,
    originals: &BTreeMap<PathBuf, String>,
    reasons: &Reasons,
    verdicts: &mut BTreeMap<usize, Verdict>,
) {
    verdicts.extend(outside.unviable.iter().map(|number| (*number, Verdict::Unviable)));
    for number in &outside.left {
        let mutant = &mutants[number - 1];
        if reasons.is_explained(mutant) {
            verdicts.insert(*number, Verdict::Explained);
            continue;
        }
        if !each {
            verdicts.insert(*number, Verdict::NotTried);
            continue;
        }
        let path = place.join(&mutant.file);
        let code = &originals[&path];
        let [start, end] = [mutant.start, mutant.end].map(|place| at(code, place));
        fs::write(&path, format!("{}{}{}", &code[..start], mutant.replacement, &code[end..])).unwrap();
        // with little optimisation it is built in seconds
        let (said, viable) =
            compile(place, "target/alone", &["test", "--no-run", "--config", "profile.test.opt-level=1"]);
        let verdict = match viable {
            true => tests.of_another(&binary(&said)).verdict(0, mutant),
            false => Verdict::Unviable,
        };
        tests.note(mutant, &verdict);
        verdicts.insert(*number, verdict);
        fs::write(&path, code).unwrap();
    }
}
