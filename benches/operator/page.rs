//! `docs/performance.md`: the part between its two markers, and the plots beside it.

use crate::{
    contestant::Kind,
    results::{Cell, Results, Setup},
    rows::ROWS,
    svg::{self, Scale},
};
use std::{fmt::Write, fs, path::PathBuf, process::Command, sync::LazyLock};

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// Asked for once: from the first writing on the page itself differs from it.
static COMMIT: LazyLock<String> = LazyLock::new(|| said("git", &["describe", "--always", "--dirty", "--exclude", "*"]));

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Writes the page, whose other parts stay, and the plots.
pub fn write(setup: Setup, all: &[Results]) {
    let page = docs().join("performance.md");
    let text = fs::read_to_string(&page).unwrap_or_else(|_| format!("# Performance\n\n{BEGIN}\n{END}\n"));
    let (before, rest) = text.split_once(BEGIN).expect("the page has the marker of this part");
    let (_, after) = rest.split_once(END).expect("the page has the marker of this part's end");
    fs::write(&page, format!("{before}{BEGIN}\n{}{END}{after}", generated(setup, all))).unwrap();
    fs::create_dir_all(docs().join("performance")).unwrap();
    let run: Vec<&Results> = all.iter().filter(|results| results.not_run.is_none()).collect();
    for (name, plot) in [("latency", latency(setup, &run)), ("calls", calls(&run)), ("memory", memory(&run))] {
        fs::write(docs().join(format!("performance/{name}.svg")), plot).unwrap();
    }
}

fn generated(setup: Setup, all: &[Results]) -> String {
    let n = setup.resources;
    let mut text = format!(
        "## The operator and three baselines, {n} resources\n\n\
         Written by `make bench N={n}` on {}, commit {}, {}. {}\n\n\
         The API server is real. Scalekit is the simulator behind TLS, which takes 5 ms for each response, and a custom \
         policy needs the feature `session_policy` there. Calls are counted in its journal, Kubernetes reads (GET) and \
         writes by the API server, processor and memory in /proc. Resources are reconciled every {} s. Where Scalekit \
         has a limit it is {} requests/s unless stated, for which resyncs alone are too many, and every response \
         reports it. Edits arrive at random times (Poisson, {:.1}/s for a minute), whether or not earlier ones are done.\n\n\
         The baselines do the main job only, as such controllers are usually written: they read, and write what differs; \
         their status has no time that changes. Each has 16 workers where it has workers, the same rate limit on its \
         client, and waits as a 429 says. They are in [benches/baselines](../benches/baselines).\n\n\
         **Bold**: the operator misses the target. `> n`: not done after n s. A figure without floor or target has none.\n\n",
        today(),
        *COMMIT,
        machine(),
        variable_note(),
        setup.interval.as_secs(),
        setup.rate,
        setup.rate / 10.0,
    );
    text += &table(setup, all);
    for results in all {
        if let Some(why) = &results.not_run {
            let _ = writeln!(text, "\n{}: not run: {why}", results.kind.name());
        }
    }
    text += "\n![How long an edit takes](performance/latency.svg)\n\n\
             ![Calls and writes](performance/calls.svg)\n\n![Memory over N](performance/memory.svg)\n\n";
    text += &by_size(all);
    text
}

/// The table of all rows, as Markdown.
pub fn table(setup: Setup, all: &[Results]) -> String {
    let names: Vec<&str> = all.iter().map(|results| results.kind.name()).collect();
    let mut text = format!("| phase | figure | floor | target | {} |\n|---|---|--:|--:|", names.join(" | "));
    text += &"--:|".repeat(names.len());
    text.push('\n');
    let mut phase = "";
    for row in &ROWS {
        let limit = |limit: Option<f64>| limit.map_or_else(String::new, |value| row.number(value));
        let shown = if row.phase == phase { "" } else { row.phase };
        phase = row.phase;
        let (floor, target) = (limit((row.floor)(setup)), limit((row.target)(setup)));
        let _ = write!(text, "| {shown} | {} | {floor} | {target} |", row.figure);
        for results in all {
            let cell = match results.get(row.key) {
                None => "–".to_owned(),
                Some(cell) if results.kind == Kind::Operator && row.is_missed(setup, cell) => {
                    format!("**{}**", row.shown(cell))
                }
                Some(cell) => row.shown(cell),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

fn by_size(all: &[Results]) -> String {
    let mut text = "| cold start with | resources | peak memory, MB | CPU-s per 1000 | Scalekit calls each |\n\
                    |---|--:|--:|--:|--:|\n"
        .to_owned();
    for results in all {
        for at in &results.by_size {
            let _ = writeln!(
                text,
                "| {} | {} | {:.1} | {:.2} | {:.2} |",
                results.kind.name(),
                at.resources,
                at.megabytes,
                at.processor,
                at.calls
            );
        }
    }
    text.push('\n');
    text
}

/// How many of the edits are sent after how long.
fn latency(setup: Setup, all: &[&Results]) -> String {
    let sent = all.iter().flat_map(|results| &results.latencies).copied().filter(|latency| latency.is_finite());
    let horizontal = Scale::logarithmic("seconds from the edit to its PATCH", sent);
    let vertical = Scale { title: "% of edits sent", from: 0.0, to: 100.0, logarithmic: false };
    let series: Vec<_> = all
        .iter()
        .map(|results| {
            let share = |n: usize| 100.0 * (n + 1) as f64 / results.latencies.len() as f64;
            let points = results.latencies.iter().enumerate().filter(|(_, latency)| latency.is_finite());
            (results.kind.name(), points.map(|(n, latency)| (*latency, share(n))).collect())
        })
        .collect();
    let title = format!("Edits while resyncs saturate {} requests/s, {} resources", setup.rate, setup.resources);
    svg::lines(&title, &horizontal, &vertical, &series)
}

fn calls(all: &[&Results]) -> String {
    const GROUPS: [(&str, &str); 6] = [
        ("cold.calls", "cold: calls"),
        ("cold.writes", "cold: writes"),
        ("rest.calls", "at rest: calls"),
        ("edits.writes", "edit: writes"),
        ("delete.calls", "delete: calls"),
        ("delete.writes", "delete: writes"),
    ];
    let value = |results: &Results, key| match results.get(key) {
        Some(Cell::Is(value)) => Some(value),
        _ => None,
    };
    let groups = GROUPS.map(|(key, label)| (label, all.iter().map(|results| value(results, key)).collect::<Vec<_>>()));
    let most = groups.iter().flat_map(|(_, values)| values).flatten().copied();
    let names: Vec<&str> = all.iter().map(|results| results.kind.name()).collect();
    let vertical = Scale::linear("per resource, reconcile or edit", most);
    svg::bars("Scalekit calls and Kubernetes writes", &vertical, &names, &groups)
}

fn memory(all: &[&Results]) -> String {
    let sizes = || all.iter().flat_map(|results| &results.by_size);
    let horizontal = Scale::linear("resources", sizes().map(|at| at.resources as f64));
    let megabytes: Vec<f64> = sizes().map(|at| at.megabytes).collect();
    let vertical = Scale::logarithmic("peak memory, MB", megabytes.iter().copied());
    let points = |results: &&Results| {
        let point = |at: &crate::results::AtSize| (at.resources as f64, at.megabytes);
        (results.kind.name(), results.by_size.iter().map(point).collect())
    };
    let series: Vec<_> = all.iter().map(points).collect();
    svg::lines("Peak memory of a cold start", &horizontal, &vertical, &series)
}

fn variable_note() -> String {
    crate::variable("NOTE").unwrap_or_default()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Processor, cores, memory, and how busy it was at the end.
fn machine() -> String {
    let line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kilobytes: f64 = line("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(2).unwrap_or("unknown").to_owned();
    let model = line("/proc/cpuinfo", "model name");
    let gigabytes = kilobytes / 1024.0 / 1024.0;
    format!("{cores} cores ({model}), {gigabytes:.0} GB, load of the last 15 minutes {load}")
}
