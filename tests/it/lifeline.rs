//! A process that a test starts ends with the process of the tests, however that ends: an operator that is left behind
//! would ask the ports of its Scalekit and its API server, which others have by then.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Notes its process, and when that began, and becomes the program.
const START: &str = r#"echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" >>"$0" && exec "$@""#;

/// Waits for the end of its standard input, and ends what was noted and is still there; what has just been started is
/// noted a little later.
const WATCH: &str = r#"cat >/dev/null
for _ in 1 2 3; do
  while read -r process begun; do
    [ "$(cut -d' ' -f22 "/proc/$process/stat" 2>/dev/null)" = "$begun" ] && kill -9 "$process" 2>/dev/null
  done <"$0"
  sleep 1
done
rm "$0""#;

struct Lifeline {
    /// The processes so far.
    list: PathBuf,
    /// Its standard input is a pipe, whose other end is closed when this process ends.
    _watcher: Child,
}

fn lifeline() -> &'static Lifeline {
    use std::os::unix::process::CommandExt;
    static LIFELINE: OnceLock<Lifeline> = OnceLock::new();
    LIFELINE.get_or_init(|| {
        let list = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("processes-{}", std::process::id()));
        std::fs::write(&list, "").unwrap();
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCH]).arg(&list).stdin(Stdio::piped()).stdout(Stdio::null());
        // what ends this one with all that it started is not to end the watcher
        let watcher = watcher.process_group(0).spawn().unwrap();
        Lifeline { list, _watcher: watcher }
    })
}

/// The program, to be started with the arguments that are added.
pub fn command(program: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", START]).arg(&lifeline().list).arg(program);
    command
}

mod tests {
    use super::*;
    use crate::cluster::eventually;
    use std::io::{BufRead, BufReader};

    #[test]
    fn what_a_test_has_started_ends_when_the_process_of_the_tests_is_killed() {
        let mut tests = Command::new(std::env::current_exe().unwrap());
        tests.args(["--exact", "--ignored", "--nocapture", "lifeline::tests::starts_something_and_waits"]);
        let mut tests = tests.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(tests.stdout.take().unwrap()).lines();
        let started = lines.find_map(|line| line.unwrap().strip_prefix("started ").map(str::to_owned)).unwrap();
        // whoever inherits it may not have waited for it yet
        let stat = || std::fs::read_to_string(format!("/proc/{started}/stat")).unwrap_or_default();
        let runs = || [" S ", " R ", " D "].iter().any(|state| stat().contains(state));
        assert!(runs());
        tests.kill().unwrap();
        tests.wait().unwrap();
        eventually("its end", 30, || (!runs()).then_some(()));
    }

    #[test]
    #[ignore = "a part of the one above"]
    fn starts_something_and_waits() {
        let mut started = command("sleep").arg("600").spawn().unwrap();
        println!("\nstarted {}", started.id());
        started.wait().unwrap();
    }
}
