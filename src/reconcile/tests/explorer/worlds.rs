//! How far each world is explored, how many states it has, the most writes on a way to rest, and what none of them
//! reaches: in `worlds.txt` for each commit, and further in `deep.txt` for `make prove`. `UPDATE=1` writes them anew.

use super::{Explored, reached::reached, scenes::SCENES};
use crate::reconcile::Reason;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

const ABOUT: &str = "# world | changes | faults | kills | pauses | states | writes to rest | what is not done in it";

/// The worlds as each commit explores them, and as `make prove` does.
pub(super) const EACH_COMMIT: &str = "worlds.txt";
pub(super) const DEEP: &str = "deep.txt";

/// The bounds of one world: so many of each at most on one way.
pub(super) struct World {
    name: String,
    pub(super) changes: u8,
    pub(super) faults: u8,
    pub(super) crashes: u8,
    pub(super) pauses: u8,
    /// The changes that are left out.
    pub(super) without: Vec<String>,
}

pub(super) struct Worlds {
    path: PathBuf,
    text: String,
    all: Vec<World>,
}

impl Worlds {
    /// Of a file beside this one, whichever package it is built in.
    pub(super) fn read(name: &str) -> Self {
        let path = Path::new(file!()).with_file_name(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| line.contains(" | ") && !line.starts_with('#'));
        let world = |line: &str| {
            let [name, changes, faults, crashes, pauses, _, _, without] = line.split(" | ").collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            let number = |text: &str| text.parse::<u8>().unwrap();
            let without = without.split(", ").filter(|name| *name != "-").map(str::to_owned).collect();
            let [changes, faults, crashes, pauses] = [changes, faults, crashes, pauses].map(number);
            World { name: name.into(), changes, faults, crashes, pauses, without }
        };
        let all: Vec<World> = lines.map(world).collect();
        for world in &all {
            let scene = SCENES.iter().find(|scene| scene.name == world.name);
            let known =
                |name: &String| scene.is_some_and(|scene| scene.changes.iter().any(|change| change.name == name));
            assert!(world.without.iter().all(known), "{:?}", world.without);
        }
        Self { path, text, all }
    }

    /// At most one change, or one delay, on each way, and nothing that goes wrong.
    pub(super) fn small(mut self) -> Self {
        for world in &mut self.all {
            (world.changes, world.pauses) = (world.changes.min(1), world.pauses.min(1));
            (world.faults, world.crashes) = (0, 0);
        }
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&World> {
        self.all.iter().find(|world| world.name == name)
    }

    /// Compares what was found with what is committed.
    pub(super) fn compare(&self, explored: &[Explored]) {
        let mut text = format!("{ABOUT}\n");
        for found in explored {
            let World { name, changes, faults, crashes, pauses, without } = self.get(found.name).unwrap();
            let without = if without.is_empty() { "-".into() } else { without.join(", ") };
            let (states, writes) = (found.states(), found.writes());
            writeln!(text, "{name} | {changes} | {faults} | {crashes} | {pauses} | {states} | {writes} | {without}")
                .unwrap();
        }
        let (steps, reasons) = reached();
        text.push_str("\n# reasons that none of them reaches\n");
        for reason in Reason::ALL.iter().filter(|reason| !reasons.contains(reason)) {
            writeln!(text, "{}", reason.name()).unwrap();
        }
        text.push_str("\n# steps that none of them reaches\n");
        for step in EVERY_STEP.iter().filter(|step| !steps.contains(**step)) {
            writeln!(text, "{step}").unwrap();
        }
        if std::env::var("UPDATE").is_ok() {
            std::fs::write(&self.path, text).unwrap();
        } else {
            assert_eq!(text, self.text);
        }
    }
}

/// Every step, and every end of a reconcile.
const EVERY_STEP: &[&str] = &[
    "AddFinalizer",
    "LookUp",
    "ReadApplicationPolicy",
    "ReadClaimants",
    "ReadCredentials",
    "ReadIssuer",
    "ReadNamespace",
    "ReadOrganization",
    "ReadPolicy",
    "ReadResource",
    "ReadLastKnownCredentials",
    "ReportProgress",
    "WriteFeatures",
    "WritePolicy",
    "end ChainViolated",
    "end CleanupPending",
    "end Conflict",
    "end Contended",
    "end Credentials",
    "end Drifted",
    "end Error",
    "end FeatureNotEnabled",
    "end FeatureUnavailable",
    "end Gone",
    "end Holding",
    "end InSync",
    "end InvalidSpec",
    "end NotApplied",
    "end NotLeading",
    "end OrganizationChanged",
    "end OrganizationNotFound",
    "end Rejected",
    "end Released",
    "end Settling",
    "end StricterKept",
    "end Suspended",
    "end Undecided",
    "end Unrecognized",
    "end Unsupported",
    "end Waiting",
    "release CustomersOwn",
    "release HandedOver",
    "release NotOwner",
    "release NothingToRevert",
    "release OrganizationGone",
    "release Orphaned",
    "release Restored",
    "release Reverted",
];
