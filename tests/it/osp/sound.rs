//! What is true of every text that `osp validate` is given, whatever it holds.
//! It stands here once: random texts, the seeds and the fuzz target (`fuzz/`,
//! which includes this file) are all held against it. That the answer comes
//! without a panic, soon and in little memory is for the callers to see.

use roxmltree::Document;
use serde_json::Value;
use session_policy_operator::{
    gitops::{Format, Limits, Loaded, Location, Rule, load, write},
    terminal::Output,
};
use std::path::PathBuf;

/// All that findings are written as.
pub const FORMATS: [Format; 6] =
    [Format::Text, Format::Json, Format::Yaml, Format::Sarif, Format::Junit, Format::Github];

/// Limits that a text of a few lines comes to.
const SMALL: Limits = Limits {
    file_bytes: 8 << 20,
    total_bytes: 64 << 20,
    depth: 7,
    nodes: 200,
    resource_nodes: 40,
    copies: 30,
    copied_bytes: 300,
    documents: 5,
    resources: 3,
    diagnostics: 6,
};

/// What is not true of the answer to `bytes`, and of it written as `formats`.
pub fn sound(bytes: &[u8], formats: &[Format]) -> Result<(), String> {
    let all = loaded(bytes, &Limits::default());
    answers(&all, &Limits::default())?;
    places(&all, bytes)?;
    let again = loaded(bytes, &Limits::default());
    hold(same(&all, &again), || format!("another answer to the same text: {all:?} and {again:?}"))?;

    let few = loaded(bytes, &SMALL);
    answers(&few, &SMALL)?;
    places(&few, bytes)?;
    // what is skipped behind a fault has no finding, be it a limit's or another
    let ran = |loaded: &Loaded, rule| loaded.diagnostics.iter().any(|diagnostic| diagnostic.rule == rule);
    let excused = ran(&few, Rule::Limit) || ran(&all, Rule::Syntax);
    hold(excused || same(&all, &few), || format!("a limit that is not ran: {all:?} and {few:?}"))?;

    formats.iter().try_for_each(|format| {
        let text = written(&all, *format)?;
        output(&all, *format, &text).map_err(|fault| format!("{format:?}: {fault}: {text}"))
    })
}

fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn loaded(bytes: &[u8], limits: &Limits) -> Loaded {
    let paths = [PathBuf::from("-")];
    let mut loaded = load(&paths, &mut &bytes[..], limits);
    loaded.require_policies(&paths);
    loaded
}

fn same(a: &Loaded, b: &Loaded) -> bool {
    (&a.manifests, &a.diagnostics, a.resources, a.skipped) == (&b.manifests, &b.diagnostics, b.resources, b.skipped)
}

/// Something is said, not without end, and each finding in one line.
fn answers(loaded: &Loaded, limits: &Limits) -> Result<(), String> {
    let (valid, diagnostics) = (loaded.manifests.len(), loaded.diagnostics.len());
    hold(loaded.resources + loaded.skipped + diagnostics > 0, || "nothing is said".into())?;
    hold(valid <= loaded.resources, || format!("{valid} of {} resources are valid", loaded.resources))?;
    hold(diagnostics > 0 || valid == loaded.resources, || "a resource is neither valid nor at fault".into())?;
    hold(diagnostics <= limits.diagnostics + 1, || format!("{diagnostics} findings"))?;
    for diagnostic in &loaded.diagnostics {
        let texts = [Some(&diagnostic.field), Some(&diagnostic.message), diagnostic.fix.as_ref()];
        let plain = texts.into_iter().flatten().all(|text| !text.contains(is_control_or_bidi));
        hold(plain && !diagnostic.message.is_empty(), || format!("{diagnostic:?}"))?;
    }
    Ok(())
}

/// What moves a cursor, ends a line or turns the direction of what is around.
fn is_control_or_bidi(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Every place is in the text or at its end, and the places are in order.
fn places(loaded: &Loaded, bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let ends: Vec<_> = text.split(['\n', '\r']).map(|line| line.chars().count() + 1).collect();
    let within = |location: &Location| {
        let end = location.line.checked_sub(1).and_then(|line| ends.get(line));
        &*location.file == "<stdin>" && location.column >= 1 && end.is_some_and(|end| location.column <= *end)
    };
    let found =
        loaded.diagnostics.iter().flat_map(|diagnostic| [Some(&diagnostic.location), diagnostic.other.as_ref()]);
    for location in found.flatten().chain(loaded.manifests.iter().map(|manifest| &manifest.location)) {
        hold(within(location), || format!("{location} is not in the text: {:?}", loaded.diagnostics))?;
    }
    // the last may be that there are too many, said of the document
    let diagnostics = match &loaded.diagnostics[..] {
        [before @ .., last] if last.rule == Rule::Limit => before,
        all => all,
    };
    hold(diagnostics.is_sorted_by_key(|diagnostic| &diagnostic.location), || format!("out of order: {diagnostics:?}"))?;
    hold(loaded.manifests.is_sorted_by_key(|manifest| &manifest.location), || "manifests are out of order".into())
}

fn written(loaded: &Loaded, format: Format) -> Result<String, String> {
    let mut out = Vec::new();
    write(loaded, format, &Output::plain(None), &mut out).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

/// What `loaded` is written as has all findings, and can be read.
fn output(loaded: &Loaded, format: Format, text: &str) -> Result<(), String> {
    hold(text.ends_with('\n') && !text.contains(|c| c != '\n' && is_control_or_bidi(c)), || "no plain text".into())?;
    let diagnostics = loaded.diagnostics.len();
    let lines = text.lines().count();
    let parsed = || serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    let count = |list: &Value| list.as_array().map(Vec::len);
    let complete = match format {
        Format::Text => {
            let more = loaded.diagnostics.iter().flat_map(|f| [f.fix.is_some(), f.other.is_some()]);
            lines == diagnostics + more.filter(|more| *more).count() + 1
        }
        Format::Json => count(&parsed()?["findings"]) == Some(diagnostics),
        Format::Yaml => {
            let parsed: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
            count(&parsed["findings"]) == Some(diagnostics)
        }
        Format::Sarif => count(&parsed()?["runs"][0]["results"]) == Some(diagnostics),
        Format::Junit => {
            let all = Document::parse(text).map_err(|error| error.to_string())?;
            let of = |name| all.descendants().filter(|node| node.has_tag_name(name)).count();
            (of("testcase"), of("failure")) == (loaded.manifests.len() + diagnostics, diagnostics)
        }
        Format::Github => {
            let mut commands = text.lines().take(diagnostics);
            lines == diagnostics + 1 && commands.all(|line| line.starts_with("::error file=<stdin>,line="))
        }
    };
    hold(complete, || "not all findings are in it".into())
}
