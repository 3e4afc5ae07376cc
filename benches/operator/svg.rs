//! Plots as SVG text: lines or bars over one linear or logarithmic scale each.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 48.0;
/// Colours that people with colour blindness tell apart (Okabe and Ito).
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f"];

pub struct Scale {
    pub title: &'static str,
    pub from: f64,
    pub to: f64,
    pub logarithmic: bool,
}

impl Scale {
    /// From 0 to a round number that is not below these values.
    pub fn linear(title: &'static str, values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(1e-9, f64::max);
        let unit = 10_f64.powf(most.log10().floor());
        let to = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * unit).find(|to| *to >= most).unwrap_or(most);
        Self { title, from: 0.0, to, logarithmic: false }
    }

    /// Between powers of ten.
    pub fn logarithmic(title: &'static str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (least, most) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
        let power = |exponent: f64| 10_f64.powf(exponent);
        let from = power(least.max(1e-3).log10().floor());
        Self { title, from, to: power(most.max(2e-3).log10().ceil()).max(10.0 * from), logarithmic: true }
    }

    fn share(&self, value: f64) -> f64 {
        let of = |value: f64| if self.logarithmic { value.max(self.from).log10() } else { value };
        ((of(value) - of(self.from)) / (of(self.to) - of(self.from))).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let (first, last) = (self.from.log10().round() as i32, self.to.log10().round() as i32);
            return (first..=last).map(|exponent| 10_f64.powi(exponent)).collect();
        }
        (0..=5).map(|n| self.from + (self.to - self.from) * f64::from(n) / 5.0).collect()
    }
}

fn x(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn y(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// At most three significant digits.
fn short(value: f64) -> String {
    let decimals = if value >= 100.0 || value == 0.0 { 0 } else { (2.0 - value.log10().floor()).max(0.0) as usize };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

struct Drawing(String);

impl Drawing {
    fn new(title: &str, names: &[&str], vertical: &Scale) -> Self {
        let mut it = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#222\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
        ));
        it.text(WIDTH / 2.0, 16.0, "middle", title);
        let mut left = LEFT;
        for (name, colour) in names.iter().zip(COLOURS) {
            it.rect((left, 26.0), (10.0, 10.0), colour);
            it.text(left + 14.0, 35.0, "start", name);
            left += 30.0 + 7.0 * name.len() as f64;
        }
        for tick in vertical.ticks() {
            let at = y(vertical.share(tick));
            it.line((x(0.0), at), (x(1.0), at), "#ddd");
            it.text(LEFT - 6.0, at + 4.0, "end", &short(tick));
        }
        let middle = y(0.5);
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 14 {middle:.0})\"");
        it.add(&format!("<text x=\"14\" y=\"{middle:.0}\" {turned}>{}</text>", vertical.title));
        it
    }

    fn add(&mut self, element: &str) {
        let _ = writeln!(self.0, "{element}");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.add(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    fn rect(&mut self, at: (f64, f64), size: (f64, f64), colour: &str) {
        let ((x, y), (width, height)) = (at, size);
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        self.add(&format!("<rect {place} fill=\"{colour}\"/>"));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let ends = format!("x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"", from.0, from.1, to.0, to.1);
        self.add(&format!("<line {ends} stroke=\"{colour}\"/>"));
    }

    fn end(mut self) -> String {
        self.add("</svg>");
        self.0
    }
}

/// One line of points for each name.
pub fn lines(title: &str, horizontal: &Scale, vertical: &Scale, series: &[(&str, Vec<(f64, f64)>)]) -> String {
    let names: Vec<&str> = series.iter().map(|(name, _)| *name).collect();
    let mut it = Drawing::new(title, &names, vertical);
    for tick in horizontal.ticks() {
        let at = x(horizontal.share(tick));
        it.line((at, y(0.0)), (at, y(1.0)), "#eee");
        it.text(at, y(0.0) + 16.0, "middle", &short(tick));
    }
    it.text(x(0.5), HEIGHT - 10.0, "middle", horizontal.title);
    for ((_, points), colour) in series.iter().zip(COLOURS) {
        let place = |(h, v): &(f64, f64)| format!("{:.1},{:.1}", x(horizontal.share(*h)), y(vertical.share(*v)));
        let points: Vec<String> = points.iter().map(place).collect();
        it.add(&format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        ));
    }
    it.end()
}

/// For each group one bar for each name; no bar where there is no value.
pub fn bars(title: &str, vertical: &Scale, names: &[&str], groups: &[(&str, Vec<Option<f64>>)]) -> String {
    let mut it = Drawing::new(title, names, vertical);
    let wide = (x(1.0) - x(0.0)) / groups.len() as f64;
    let bar = wide * 0.8 / names.len() as f64;
    for (group, (label, values)) in groups.iter().enumerate() {
        let left = x(0.0) + wide * (group as f64 + 0.1);
        it.text(left + wide * 0.4, y(0.0) + 16.0, "middle", label);
        for (n, (value, colour)) in values.iter().zip(COLOURS).enumerate() {
            let Some(value) = value else { continue };
            let (at, top) = (left + bar * n as f64, y(vertical.share(*value)));
            it.rect((at, top), (bar * 0.9, y(0.0) - top), colour);
            it.text(at + bar * 0.45, top - 4.0, "middle", &short(*value));
        }
    }
    it.end()
}
