//! Runs the tests that reach a mutant, the fast ones first, until one fails.

use crate::{cargo::Outside, listed::Mutant, report::Reasons};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// What takes longer runs on its own, after the others.
const FAST: Duration = Duration::from_millis(100);
/// A test that takes so many times as long as without a mutant, and so much longer, does not end.
const PATIENCE: (u32, Duration) = (10, Duration::from_secs(10));
/// They compare the files with the list of mutants by hand.
const OF_THE_FILES: &str = "explorer::mutants::";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// By this test.
    Caught(String),
    Endless,
    Missed,
    /// There is a reason why no test finds it, so it is not tried and counts as one that survived.
    Explained,
    /// No test ever asks for it.
    Unreached,
    /// It can't be built.
    Unviable,
    /// It can't stand behind a switch, and was not to have a build of its own.
    NotTried,
}

struct Test {
    name: String,
    takes: Duration,
    reaches: BTreeSet<usize>,
}

pub(crate) struct Tests {
    binary: PathBuf,
    place: PathBuf,
    all: Vec<Test>,
    /// What found which mutant in earlier runs, which is tried first.
    known: BTreeMap<String, String>,
}

/// What found which mutant, a line each.
const FOUND: &str = "target/found";

enum Ended {
    Well,
    /// The test that failed, or nothing where the process died.
    Failed(String),
    Endless,
}

fn command(binary: &Path, place: &Path) -> Command {
    let mut command = Command::new(binary);
    // a seed that found one mutant is none for the next one, and what was found need not be small
    command.current_dir(place).env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1").env("PROPTEST_MAX_SHRINK_ITERS", "0");
    command.stderr(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs them until one fails, or takes longer than `longest`.
fn run(mut command: Command, tests: &[&str], longest: Duration) -> Ended {
    let mut child = command.args(["--exact", "--test-threads=1"]).args(tests).spawn().unwrap();
    let (out, (say, said)) = (child.stdout.take().unwrap(), channel());
    thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
    let ended = loop {
        match said.recv_timeout(longest) {
            Ok(line) => {
                if let Some(name) = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED")) {
                    break Ended::Failed(name.to_owned());
                }
            }
            Err(RecvTimeoutError::Timeout) => break Ended::Endless,
            Err(RecvTimeoutError::Disconnected) if child.wait().unwrap().success() => return Ended::Well,
            Err(RecvTimeoutError::Disconnected) => return Ended::Failed("a test, which died of it".into()),
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

impl Tests {
    /// Those that pass without a mutant, each with its time and the mutants that it reaches.
    pub(crate) fn measured(binary: &Path, place: &Path) -> Self {
        let listed = command(binary, place).arg("--list").output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let reached = place.join("target/reached");
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        for name in names.into_iter().filter(|name| !name.contains(OF_THE_FILES)) {
            drop(fs::remove_file(&reached));
            let mut plain = command(binary, place);
            plain.env("REACHED", &reached);
            let begun = Instant::now();
            let ended = run(plain, &[name], Duration::from_secs(600));
            let takes = begun.elapsed();
            if !matches!(ended, Ended::Well) {
                failed.push(name);
            }
            let text = fs::read_to_string(&reached).unwrap_or_default();
            let reaches = text.lines().map(|number| number.parse().unwrap()).collect();
            all.push(Test { name: name.to_owned(), takes, reaches });
        }
        assert!(failed.is_empty(), "without a mutant these fail: {failed:#?}");
        all.sort_by_key(|test| test.takes);
        let seconds = all.iter().map(|test| test.takes).sum::<Duration>().as_secs();
        println!("{} tests take {seconds} s without a mutant", all.len());
        let found = fs::read_to_string(place.join(FOUND)).unwrap_or_default();
        let pair = |line: &str| line.split_once('\t').map(|(mutant, test)| (mutant.to_owned(), test.to_owned()));
        Self {
            binary: binary.to_owned(),
            place: place.to_owned(),
            all,
            known: found.lines().filter_map(pair).collect(),
        }
    }

    /// For the next run.
    pub(crate) fn note(&self, mutant: &Mutant, verdict: &Verdict) {
        println!("{}: {verdict:?}", mutant.name);
        if let Verdict::Caught(test) = verdict {
            let mut file = fs::File::options().create(true).append(true).open(self.place.join(FOUND)).unwrap();
            file.write_all(format!("{}\t{test}\n", mutant.name).as_bytes()).unwrap();
        }
    }

    /// All tests, of a build in which every one of them meets the mutant.
    pub(crate) fn of_another(&self, binary: &Path) -> Self {
        let all = self.all.iter().map(|test| Test {
            name: test.name.clone(),
            takes: test.takes,
            reaches: BTreeSet::from([0]),
        });
        let (all, known) = (all.collect(), self.known.clone());
        Self { binary: binary.to_owned(), place: self.place.clone(), all, known }
    }

    pub(crate) fn verdict(&self, number: usize, mutant: &Mutant) -> Verdict {
        let reaching: Vec<&Test> = self.all.iter().filter(|test| test.reaches.contains(&number)).collect();
        if reaching.is_empty() {
            return Verdict::Unreached;
        }
        let known = self.known.get(&mutant.name);
        let known: Vec<&Test> = reaching.iter().copied().filter(|test| Some(&test.name) == known).collect();
        let (fast, slow): (Vec<&Test>, Vec<&Test>) = reaching.into_iter().partition(|test| test.takes < FAST);
        let rounds = [known, fast].into_iter().chain(slow.into_iter().map(|test| vec![test]));
        for tests in rounds.filter(|tests| !tests.is_empty()) {
            let mut switched = command(&self.binary, &self.place);
            switched.env("MUTANT", number.to_string());
            let longest = tests.iter().map(|test| test.takes).max().unwrap() * PATIENCE.0 + PATIENCE.1;
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            match run(switched, &names, longest) {
                Ended::Well => {}
                Ended::Failed(test) => return Verdict::Caught(test),
                Ended::Endless => return Verdict::Endless,
            }
        }
        Verdict::Missed
    }
}

/// Two at a time.
pub(crate) fn all(tests: &Tests, mutants: &[Mutant], outside: &Outside, reasons: &Reasons) -> BTreeMap<usize, Verdict> {
    let (next, verdicts) = (AtomicUsize::new(1), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(number - 1) else { break };
            if !outside.has(number) {
                let verdict =
                    if reasons.is_explained(mutant) { Verdict::Explained } else { tests.verdict(number, mutant) };
                tests.note(mutant, &verdict);
                verdicts.lock().unwrap().insert(number, verdict);
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    verdicts.into_inner().unwrap()
}
