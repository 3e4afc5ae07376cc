//! What became of the mutants: a table, and those that survived, each of which needs a reason in `survivors.txt`.

use crate::{
    figures::{publish, today},
    listed::Mutant,
    run::Verdict,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::ExitCode,
};

/// Of a file.
#[derive(Default, Clone, Copy)]
struct Counts {
    caught: usize,
    endless: usize,
    survived: usize,
    unviable: usize,
    not_tried: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Caught(_) => self.caught += 1,
            Verdict::Endless => self.endless += 1,
            Verdict::Missed | Verdict::Explained | Verdict::Unreached => self.survived += 1,
            Verdict::Unviable => self.unviable += 1,
            Verdict::NotTried => self.not_tried += 1,
        }
    }

    fn row(self, name: &str) -> String {
        let Self { caught, endless, survived, unviable, not_tried } = self;
        let viable = caught + endless + survived;
        let share = 100.0 * (caught + endless) as f64 / viable.max(1) as f64;
        format!("| {name} | {viable} | {caught} | {endless} | {survived} | {share:.1} % | {unviable} | {not_tried} |\n")
    }
}

/// Why those survive that may.
pub(crate) struct Reasons(BTreeSet<String>);

impl Reasons {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string("survivors.txt").unwrap();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| line.split_once(" | ").unwrap().0.to_owned()).collect())
    }

    pub(crate) fn is_explained(&self, mutant: &Mutant) -> bool {
        self.0.contains(&mutant.lasting_name())
    }
}

/// Fails where one survived that has no reason.
pub(crate) fn tell(mutants: &[Mutant], verdicts: &BTreeMap<usize, Verdict>, into_the_page: bool) -> ExitCode {
    let (mut files, mut all) = (BTreeMap::<&str, Counts>::new(), Counts::default());
    let mut unexplained = Vec::new();
    for (number, verdict) in verdicts {
        let mutant = &mutants[number - 1];
        files.entry(&mutant.file).or_default().add(verdict);
        all.add(verdict);
        if matches!(verdict, Verdict::Missed | Verdict::Unreached) {
            unexplained.push(format!("{} ({verdict:?})", mutant.name));
        }
    }
    let rows: String = files.iter().map(|(file, counts)| counts.row(&format!("`{file}`"))).collect();
    let table = format!(
        "{}. Without a reason in `tests/mutants/survivors.txt`: {}.\n\n| file | tried | found by a test | do not end | survived | found | that do not compile | not tried |\n|---|---|---|---|---|---|---|---|\n{}{rows}",
        today(),
        unexplained.len(),
        all.row("**all**")
    );
    println!("{table}\nsurvived without a reason:\n{}", unexplained.join("\n"));
    if into_the_page {
        publish("docs/proof.md", "cargo-mutants", "mutants-all", &table);
    }
    if unexplained.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
