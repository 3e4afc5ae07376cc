//! The failure catalogue as a table, and `docs/development/failures.md` made from it and
//! from the names of the tests: a row's number is in the name of each of its
//! tests, `row_025_a_write_whose_answer_is_lost_is_not_repeated`.

use super::rows::ROWS;
use crate::{architecture::sources, manifests::assert_committed};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The largest number a row can have.
const LAST: u16 = 134;

/// Where a test is: file from the top of the tree, and name.
type Tests = BTreeMap<u16, BTreeSet<(String, String)>>;

/// The names behind `fn row_` or `fn rows_`, without those two letters.
fn names(code: &str) -> impl Iterator<Item = String> {
    let functions = code.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").filter(|rest| rest.starts_with("row_") || rest.starts_with("rows_"))
    });
    functions.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
}

/// The row a test is about; `None` when its name is not of the form.
fn number(name: &str) -> Option<u16> {
    let rest = name.strip_prefix("row_")?;
    let (digits, sentence) = rest.split_once('_')?;
    let second = |(at, _): (usize, &str)| sentence[at + 4..].starts_with(|c: char| c.is_ascii_digit());
    let sound = digits.len() == 3 && !sentence.is_empty() && !sentence.match_indices("row_").any(second);
    digits.parse().ok().filter(|number| sound && (1..=LAST).contains(number))
}

fn tests() -> Tests {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Tests::new();
    for path in ["src", "tests"].iter().flat_map(|folder| sources(&root.join(folder))) {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        for name in names(&fs::read_to_string(&path).unwrap()) {
            let row = number(&name).unwrap_or_else(|| panic!("{file}: {name} is not row_NNN_sentence, 001 to {LAST}"));
            tests.entry(row).or_default().insert((file.clone(), name));
        }
    }
    tests
}

/// The page, in Markdown.
fn page(tests: &Tests) -> String {
    let mut page = String::from(
        "<!-- Generated from tests/it/failures/rows.rs and the names of the tests; do not edit. -->\n\
         # Faults, and the tests that show what happens\n\n\
         What can go wrong, what a person sees, and the tests that show it. For users\n\
         [failure-modes.md](../failure-modes.md) says it in short. Reasons are explained in\n\
         [conditions.md](../conditions.md). Numbers are stable, and each test has its row's in its name;\n\
         `cargo test row_025` runs those of one row.\n\n\
         | row | fault | what happens | tests |\n|---|---|---|---|\n",
    );
    for (row, fault, happens) in ROWS {
        page.push_str(&format!("| {row} | {fault} | {happens} | {} |\n", listed(*row, tests)));
    }
    page
}

fn listed(row: u16, tests: &Tests) -> String {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, name) in tests.get(&row).into_iter().flatten() {
        files.entry(file).or_default().push(name);
    }
    let of_file = |(file, names): (&&str, &Vec<&str>)| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("[{file}](../../{file}): {}", names.join(", "))
    };
    files.iter().map(of_file).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_committed_page_of_faults_is_the_generated_one() {
    assert_committed("docs/development/failures.md", &page(&tests()));
}

#[test]
fn every_fault_in_the_table_has_a_test() {
    let tests = tests();
    let without: Vec<u16> = ROWS.iter().map(|(row, ..)| *row).filter(|row| !tests.contains_key(row)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn the_table_has_each_row_once_and_in_order() {
    let rows: Vec<u16> = ROWS.iter().map(|(row, ..)| *row).collect();
    let expected: Vec<u16> = (1..=LAST).collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_test_that_the_page_of_threats_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: String = sources(&root.join("src"))
        .into_iter()
        .chain(sources(&root.join("tests")))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 10, "{}", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        let missing: Vec<_> = tests.iter().filter(|test| !code.contains(&format!("fn {test}("))).collect();
        assert!(missing.is_empty(), "{missing:?} of {row}");
    }
}

#[test]
fn a_name_that_is_not_of_the_form_is_seen() {
    assert_eq!(number("row_025_a_write_is_not_repeated"), Some(25));
    assert_eq!(number("row_015_five_in_a_row_are_an_outage"), Some(15));
    for name in [
        "row_25_x",
        "row_0025_x",
        "row_025_",
        "row_025",
        "rows_003_and_041_x",
        "row_003_and_row_041_x",
        "row_000_x",
        "row_999_x",
        "row_x",
    ] {
        assert_eq!(number(name), None, "{name}");
    }
    let code = "    async fn row_001_x() {\n// fn row_002_y\nfn row_003_z<T>(a: T) {\nfn arrow_004() {\nfn row() {}\nfn rows_004() {}";
    assert_eq!(names(code).collect::<Vec<_>>(), ["row_001_x", "row_003_z", "rows_004"]);
}
