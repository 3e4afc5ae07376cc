//! What cargo-mutants lists.

use serde_json::Value;
use std::{fs, path::Path};

/// A place in a file, as cargo-mutants counts: lines and characters from 1.
pub(crate) type Place = (usize, usize);

/// The byte at which a place is.
pub(crate) fn at(code: &str, (line, column): Place) -> usize {
    let start = if line == 1 { 0 } else { code.match_indices('\n').nth(line - 2).unwrap().0 + 1 };
    code[start..].char_indices().nth(column - 1).map_or(code.len(), |(at, _)| start + at)
}

pub(crate) struct Mutant {
    /// Where it is and what it does, in cargo-mutants' words.
    pub(crate) name: String,
    pub(crate) file: String,
    /// The last name of the function that it is in.
    pub(crate) function: String,
    returns: String,
    pub(crate) genre: String,
    pub(crate) start: Place,
    pub(crate) end: Place,
    pub(crate) replacement: String,
}

impl Mutant {
    /// Its name without the line, which moves.
    pub(crate) fn lasting_name(&self) -> String {
        format!("{}: {}", self.file, self.name.split_once(": ").unwrap().1)
    }

    pub(crate) fn returns_some_type(&self) -> bool {
        self.genre == "FnValue" && self.returns.contains("impl ")
    }
}

pub(crate) fn read(list: &Path) -> Vec<Mutant> {
    let list: Value = serde_json::from_str(&fs::read_to_string(list).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |value: &Value| {
        let number = |name: &str| value[name].as_u64().unwrap() as usize;
        (number("line"), number("column"))
    };
    let mutant = |one: &Value| Mutant {
        name: text(&one["name"]),
        file: text(&one["file"]),
        function: text(&one["function"]["function_name"]).rsplit("::").next().unwrap().to_owned(),
        returns: text(&one["function"]["return_type"]),
        genre: text(&one["genre"]),
        start: place(&one["span"]["start"]),
        end: place(&one["span"]["end"]),
        replacement: text(&one["replacement"]),
    };
    list.as_array().unwrap().iter().map(mutant).collect()
}
