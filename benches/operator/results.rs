//! The figures of one contestant, and the sizes and rates of a run.

use crate::{contestant::Kind, rows};
use std::{collections::BTreeMap, time::Duration};

/// What a run is made with. Everything scales with the number of resources, so that at each size resyncs alone need
/// more than the rate of the phases that have one.
#[derive(Clone, Copy)]
pub struct Setup {
    pub resources: usize,
    /// Between two reconciles of a resource.
    pub interval: Duration,
    /// Requests per second that Scalekit allows where it has a limit.
    pub rate: f64,
}

/// What the simulator waits for each request.
pub const LATENCY: Duration = Duration::from_millis(5);

/// For [`Setup::rate`]: resyncs need 5/3 of it.
const BACKLOG: f64 = 5.0 / 3.0;

impl Setup {
    pub fn of(resources: usize) -> Self {
        let interval = Duration::from_secs((resources as u64).div_ceil(33).max(10));
        let rate = (resources as f64 / interval.as_secs_f64() / BACKLOG).max(1.0).round();
        Self { resources, interval, rate }
    }

    /// Organizations, six of which have no resource at first.
    pub fn organizations(self) -> usize {
        self.resources + 6
    }

    /// Pages of the list of all organizations, for each resource.
    pub fn pages_each(self) -> f64 {
        self.organizations().div_ceil(100) as f64 / self.resources as f64
    }
}

#[derive(Clone, Copy)]
pub enum Cell {
    Is(f64),
    /// Not done within so many seconds.
    Over(f64),
}

pub struct AtSize {
    pub resources: usize,
    pub megabytes: f64,
    pub processor: f64,
    pub calls: f64,
}

pub struct Results {
    pub kind: Kind,
    pub not_run: Option<String>,
    cells: BTreeMap<&'static str, Cell>,
    /// Seconds from the time at which an edit was due to its PATCH, sorted; infinite without one.
    pub latencies: Vec<f64>,
    pub by_size: Vec<AtSize>,
}

impl Results {
    pub fn new(kind: Kind) -> Self {
        Self { kind, not_run: None, cells: BTreeMap::new(), latencies: Vec::new(), by_size: Vec::new() }
    }

    pub fn not_run(kind: Kind, why: String) -> Self {
        eprintln!("{}: not run: {why}", kind.name());
        Self { not_run: Some(why), ..Self::new(kind) }
    }

    /// Keeps a figure, and shows it.
    pub fn put(&mut self, figure: &'static str, cell: Cell) {
        let row = rows::ROWS.iter().find(|row| row.key == figure).unwrap_or_else(|| panic!("no row {figure}"));
        eprintln!("{}: {}: {}: {}", self.kind.name(), row.phase, row.figure, row.shown(cell));
        self.cells.insert(figure, cell);
    }

    pub fn is(&mut self, figure: &'static str, value: f64) {
        self.put(figure, Cell::Is(value));
    }

    pub fn get(&self, figure: &str) -> Option<Cell> {
        self.cells.get(figure).copied()
    }
}
