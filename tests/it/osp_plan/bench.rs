//! A plan for ten thousand organizations, all of them with a change, at full
//! size: `make bench BENCH=plan`. Requests, time and memory are printed and held to their
//! limits; the last figures stand in `docs/development/bench.md`.

use super::{Pipeline, custom, manifest};
use crate::cluster::eventually;
use serde_json::json;
use std::{fs::File, time::Instant};

const ORGANIZATIONS: usize = 10_000;
const PER_PAGE: usize = 100;
/// Requests per second.
const RATE: f64 = 100.0;
const MOST_MEMORY_KB: u64 = 40 * 1024;

#[test]
#[ignore = "takes two minutes and the machine; make bench BENCH=plan runs it"]
fn bench_plan_of_ten_thousand_organizations() {
    let pipeline = Pipeline::new(ORGANIZATIONS, json!({"latency_ms": 5}));
    let one = |n| format!("---\n{}", manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, Some(60))));
    for file in 0..PER_PAGE {
        let all: String = (1..=PER_PAGE).map(|n| one(file * PER_PAGE + n)).collect();
        pipeline.file(&format!("policies/{file}.yaml"), &all);
    }
    let arguments = ["plan", "policies", "-o", "json"];
    let mut command = match std::env::var_os("OSP_BENCH_BINARY") {
        Some(binary) => pipeline.program(&binary, &arguments), // make bench BENCH=plan: as people run it, optimised
        None => pipeline.command(&arguments),
    };
    command.env("OSP_RATE_LIMIT", RATE.to_string()).stdout(File::create(pipeline.folder.join("plan.json")).unwrap());
    let start = Instant::now();
    let mut osp = command.spawn().unwrap();
    let mut peak = 0;
    let code = eventually("the plan", 600, || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", osp.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        osp.try_wait().unwrap().map(|status| status.code())
    });
    let seconds = start.elapsed().as_secs_f64();
    let requests = pipeline.requests();
    let most = 1.02 * (ORGANIZATIONS + ORGANIZATIONS / PER_PAGE + 2) as f64;
    println!(
        "plan of {ORGANIZATIONS} organizations at {RATE} requests/s: {requests} requests (at most {most:.0}), \
         {seconds:.1} s (at most {:.1}), peak memory {:.1} MB (at most 40)",
        1.05 * requests as f64 / RATE,
        peak as f64 / 1024.0
    );
    assert_eq!(code, Some(2));
    assert!(requests as f64 <= most);
    assert!(seconds <= 1.05 * requests as f64 / RATE);
    assert!(peak <= MOST_MEMORY_KB, "{peak} kB");
    let plan: serde_json::Value =
        serde_json::from_reader(std::io::BufReader::new(File::open(pipeline.folder.join("plan.json")).unwrap()))
            .unwrap();
    assert_eq!(plan["organizations"].as_array().unwrap().len(), ORGANIZATIONS);
}
