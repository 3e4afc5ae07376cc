//! A real Prometheus beside a real operator.

use super::{programs, promtool};
use crate::cluster::eventually;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
};

/// The job that it gives what it scrapes, as the chart's ServiceMonitor does.
pub const JOB: &str = "session-policy-operator-metrics";

/// What it scrapes, and how often.
pub struct Scrape<'a> {
    pub targets: &'a [&'a str],
    pub interval: &'a str,
}

/// It has the alerts of the chart too; it ends when it is dropped.
pub struct Prometheus {
    process: Child,
    address: String,
}

impl Prometheus {
    /// `name` is that of its folder.
    pub fn start(name: &str, scrape: Scrape<'_>) -> Self {
        let folder = Self::folder(name);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        let config = json!({
            "global": {"scrape_interval": scrape.interval, "evaluation_interval": scrape.interval},
            "rule_files": [Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart/files/alerts.yaml")],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": scrape.targets}]}],
        });
        fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
        let output = folder.join("log");
        let process = Command::new(programs().join("prometheus"))
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(File::create(&output).unwrap())
            .spawn()
            .unwrap();
        let address = eventually("Prometheus listens", 60, || {
            let log = fs::read_to_string(&output).ok()?;
            let line = log.lines().find(|line| line.contains("msg=\"Listening on\""))?;
            Some(line.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
        });
        Self { process, address: format!("http://{address}") }
    }

    /// Where it keeps what it has scraped, also after its end.
    pub fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{name}"))
    }

    /// Whether `query` has a value that is a number; an error if it is no query.
    pub fn shows(&self, query: &str) -> bool {
        let (understood, said) = promtool(&["query", "instant", &self.address, query]);
        assert!(understood || said.contains("connection refused"), "{query}: {said}");
        said.lines().filter_map(|line| line.rsplit_once("=> ")).any(|(_, value)| !value.starts_with("NaN"))
    }

    /// The series of `query` between two times in seconds, each with its labels and `[time, "value"]`s.
    pub fn range(&self, query: &str, (from, to): (u64, u64), step: u64) -> Vec<Value> {
        let [from, to] = [("start", from), ("end", to)].map(|(name, at)| format!("--{name}={at}"));
        let step = format!("--step={step}s");
        let (understood, said) = promtool(&["query", "range", "-o", "json", &from, &to, &step, &self.address, query]);
        assert!(understood, "{query}: {said}");
        serde_json::from_str(&said).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
