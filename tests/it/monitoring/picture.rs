//! `docs/dashboard.svg`: the dashboard's panels, at their places and with their titles, queries and units, drawn
//! from the recording of `make record-metrics`. Not a picture of Grafana, which is not here.

use super::{dashboard::panels, dashboard::targets, recording::RECORDING};
use crate::{
    manifests::assert_committed,
    pictures::{escaped, page},
};
use serde_json::Value;
use std::fmt::Write;

/// The sizes of a cell of the dashboard's grid, which has 24 columns.
const CELL: (f64, f64) = (50.0, 26.0);
const HEAD: f64 = 44.0;
const GAP: f64 = 4.0;
/// Below a plot for its times; and each row of the legend.
const TIMES: f64 = 12.0;
const ROW: f64 = 11.0;
/// Colours that people with colour blindness tell apart (Okabe and Ito), then dashed.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444"];

struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// A line of a panel; it is interrupted where there is no value.
struct Series {
    name: String,
    values: Vec<Option<f64>>,
}

struct Drawing<'a> {
    recording: &'a Value,
    svg: String,
}

impl Drawing<'_> {
    fn add(&mut self, element: &str) {
        let _ = writeln!(self.svg, "{element}");
    }

    fn text(&mut self, (x, y): (f64, f64), style: &str, text: &str) {
        let text = escaped(text);
        self.add(&format!("<text x=\"{x:.0}\" y=\"{y:.0}\" {style}>{text}</text>"));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        self.add(&format!(
            "<line x1=\"{:.0}\" y1=\"{:.0}\" x2=\"{:.0}\" y2=\"{:.0}\" {style}/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// The series of a panel, with the names that its legends give them.
    fn series(&self, panel: &Value) -> Vec<Series> {
        let of = |target: &Value| {
            let found = &self.recording["series"][target["expr"].as_str().unwrap()];
            let found = found.as_array().unwrap_or_else(|| panic!("{RECORDING} lacks {}", target["expr"]));
            let named = |series: &Value| Series {
                name: legend(target["legendFormat"].as_str().unwrap(), &series["labels"]),
                values: series["values"].as_array().unwrap().iter().map(Value::as_f64).collect(),
            };
            found.iter().map(named).collect::<Vec<_>>()
        };
        targets(panel).iter().flat_map(of).collect()
    }

    fn panel(&mut self, panel: &Value) {
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_f64().unwrap());
        let place =
            Place { x: x * CELL.0, y: HEAD + y * CELL.1, width: width * CELL.0 - GAP, height: height * CELL.1 - GAP };
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            return self.text((place.x + 4.0, place.y + 17.0), "font-size=\"14\" font-weight=\"bold\"", title);
        }
        let Place { x, y, width, height } = place;
        let size = format!("width=\"{width:.0}\" height=\"{height:.0}\"");
        self.add(&format!("<rect x=\"{x:.0}\" y=\"{y:.0}\" {size} fill=\"#fff\" stroke=\"#ddd\"/>"));
        self.text((x + 6.0, y + 14.0), "font-weight=\"bold\"", title);
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
        let series = self.series(panel);
        match panel["type"].as_str().unwrap() {
            "stat" => self.stat(&place, &series, unit),
            "timeseries" => self.plot(&place, &series, unit),
            other => panic!("a panel of type {other} can't be drawn"),
        }
    }

    /// The last value.
    fn stat(&mut self, place: &Place, series: &[Series], unit: &str) {
        for (nth, series) in series.iter().enumerate() {
            let last = series.values.iter().rev().flatten().next().unwrap();
            let at = (place.x + place.width / 2.0, place.y + 58.0 + 20.0 * nth as f64);
            self.text(at, "font-size=\"26\" text-anchor=\"middle\" fill=\"#009e73\"", &shown(*last, unit));
            self.text((at.0, at.1 + 18.0), "text-anchor=\"middle\" fill=\"#666\"", &series.name);
        }
    }

    fn plot(&mut self, place: &Place, series: &[Series], unit: &str) {
        let columns = if series.iter().any(|series| series.name.len() > 24) { 1 } else { 3 };
        let rows = series.len().div_ceil(columns) as f64;
        let (left, top) = (place.x + 46.0, place.y + 24.0);
        let (right, bottom) = (place.x + place.width - 8.0, place.y + place.height - TIMES - 6.0 - ROW * rows);
        let values = || series.iter().flat_map(|series| series.values.iter().copied().flatten());
        let (least, most) = (values().fold(0.0, f64::min), round(values().fold(0.0, f64::max)));
        let height = |value: f64| bottom - (value - least) / (most - least) * (bottom - top);
        for fifth in [0.0, 0.5, 1.0] {
            let value = least + (most - least) * fifth;
            self.line((left, height(value)), (right, height(value)), "stroke=\"#eee\"");
            self.text((left - 4.0, height(value) + 3.0), "text-anchor=\"end\" fill=\"#666\"", &shown(value, unit));
        }
        let minutes = self.recording["minutes"].as_f64().unwrap();
        let across = |minute: f64| left + minute / minutes * (right - left);
        for quarter in 0..=4 {
            let minute = minutes * f64::from(quarter) / 4.0;
            let at = (across(minute), bottom + TIMES);
            self.text(at, "text-anchor=\"middle\" fill=\"#666\"", &format!("{minute} min"));
        }
        let events: Vec<f64> =
            self.recording["events"].as_array().unwrap().iter().map(|event| event[0].as_f64().unwrap()).collect();
        for minute in events {
            self.line((across(minute), top), (across(minute), bottom), "stroke=\"#bbb\" stroke-dasharray=\"1 3\"");
        }
        let step = self.recording["step"].as_f64().unwrap() / 60.0;
        for (nth, Series { name, values }) in series.iter().enumerate() {
            let colour = COLOURS[nth % COLOURS.len()];
            let dashes = if nth < COLOURS.len() { "" } else { " stroke-dasharray=\"4 2\"" };
            let points: Vec<Option<(f64, f64)>> = values
                .iter()
                .enumerate()
                .map(|(nth, value)| value.map(|value| (across(nth as f64 * step), height(value))))
                .collect();
            self.add(&format!("<path d=\"{}\" fill=\"none\" stroke=\"{colour}\"{dashes}/>", path(&points)));
            let at = (
                left + (right - left) / columns as f64 * (nth % columns) as f64,
                bottom + TIMES + ROW * (1 + nth / columns) as f64 + 2.0,
            );
            self.line((at.0, at.1 - 3.0), (at.0 + 12.0, at.1 - 3.0), &format!("stroke=\"{colour}\"{dashes}"));
            self.text((at.0 + 16.0, at.1), "", name);
        }
    }
}

/// `{{name}}` is the value of this label.
fn legend(format: &str, labels: &Value) -> String {
    let mut parts = format.split("{{");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (label, rest) = part.split_once("}}").unwrap();
        format!("{text}{}{rest}", labels[label.trim()].as_str().unwrap_or_default())
    })
}

/// The next round number.
fn round(most: f64) -> f64 {
    let unit = 10_f64.powf(most.max(1e-9).log10().floor());
    let rounds = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    if most > 0.0 { rounds.into_iter().map(|n| n * unit).find(|to| *to >= most).unwrap_or(most) } else { 1.0 }
}

/// A value in one of Grafana's units that the dashboard has.
fn shown(value: f64, unit: &str) -> String {
    let short = |value: f64| {
        let decimals = if value.abs() >= 100.0 { 0 } else { 2 };
        let text = format!("{value:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match unit {
        "short" => short(value),
        "percentunit" => format!("{} %", short(value * 100.0)),
        "ops" | "reqps" => format!("{}/s", short(value)),
        "s" if value == 0.0 => "0 s".to_owned(),
        "s" if value.abs() < 1.0 => format!("{} ms", short(value * 1000.0)),
        "s" if value.abs() < 120.0 => format!("{} s", short(value)),
        "s" if value.abs() < 7200.0 => format!("{} min", short(value / 60.0)),
        "s" => format!("{} h", short(value / 3600.0)),
        _ => panic!("the unit {unit} can't be shown"),
    }
}

/// Lines between points, without those that are between two of the same height.
fn path(points: &[Option<(f64, f64)>]) -> String {
    let height =
        |nth: Option<usize>| nth.and_then(|nth| points.get(nth).copied().flatten()).map(|(_, y)| format!("{y:.1}"));
    let mut path = String::new();
    let mut pen = 'M';
    for (nth, point) in points.iter().enumerate() {
        let Some((x, y)) = point else {
            pen = 'M';
            continue;
        };
        let same = [nth.checked_sub(1), Some(nth + 1)].map(|beside| height(beside) == height(Some(nth)));
        if same != [true, true] {
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
            pen = 'L';
        }
    }
    path
}

fn draw(recording: &Value) -> String {
    let panels = panels();
    let below = |panel: &Value| panel["gridPos"]["y"].as_f64().unwrap() + panel["gridPos"]["h"].as_f64().unwrap();
    let end = HEAD + panels.iter().map(below).fold(0.0, f64::max) * CELL.1;
    let events = recording["events"].as_array().unwrap();
    let (width, height) = (24.0 * CELL.0, end + 24.0 + 14.0 * events.len().div_ceil(2) as f64);
    let size = format!("width=\"{width:.0}\" height=\"{height:.0}\"");
    let mut it = Drawing { recording, svg: String::new() };
    it.add(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"9.5\" fill=\"#222\">"
    ));
    it.add(&format!("<rect {size} fill=\"#f4f5f5\"/>"));
    let fact = |name: &str| recording[name].to_string().replace('"', "");
    let about = format!(
        "Drawn by tests/it/monitoring/picture.rs from {} minutes that Prometheus recorded from {} on, of {} and {} \
         policies at the simulator; scraped each {}, $__rate_interval {}.",
        fact("minutes"),
        fact("recorded"),
        fact("commit"),
        fact("resources"),
        fact("scrape"),
        fact("rate_interval"),
    );
    it.text((4.0, 18.0), "font-size=\"16\" font-weight=\"bold\"", "Session policy operator");
    it.text((4.0, 36.0), "font-size=\"11\"", &about);
    panels.iter().for_each(|panel| it.panel(panel));
    it.text(
        (4.0, end + 14.0),
        "font-weight=\"bold\"",
        &format!(
            "Dotted: what happened. Besides, each {} s somebody edits a resource, and each {} s a policy in Scalekit.",
            fact("edits"),
            fact("drifts"),
        ),
    );
    for (nth, event) in events.iter().enumerate() {
        let at = (4.0 + 600.0 * (nth % 2) as f64, end + 28.0 + 14.0 * (nth / 2) as f64);
        it.text(at, "", &format!("{} min: {}", event[0], event[1].as_str().unwrap()));
    }
    it.add("</svg>");
    it.svg
}

#[test]
fn the_committed_picture_of_the_dashboard_is_drawn_from_the_recording() {
    let recording: Value = serde_json::from_str(&page(RECORDING)).unwrap();
    assert_committed("docs/dashboard.svg", &draw(&recording));
}

#[test]
fn a_line_is_interrupted_where_nothing_was_recorded() {
    let points: Vec<_> = [Some(1.0), Some(1.0), Some(1.0), None, Some(2.0), Some(3.0)]
        .into_iter()
        .enumerate()
        .map(|(x, y)| y.map(|y| (x as f64, y)))
        .collect();
    assert_eq!(path(&points), "M0.0 1.0L2.0 1.0M4.0 2.0L5.0 3.0");
}

#[test]
fn values_are_shown_in_the_units_of_the_dashboard() {
    let values = [(12.0, "short"), (0.9333, "percentunit"), (0.25, "reqps"), (0.0321, "s"), (86_000.0, "s")];
    let shown = values.map(|(value, unit)| shown(value, unit));
    assert_eq!(shown, ["12", "93.33 %", "0.25/s", "32.1 ms", "23.89 h"]);
}
