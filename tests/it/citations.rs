//! What comments and pages cite is there: sections of `docs/development/scalekit-api.md`,
//! rows of `docs/development/failures.md`, pages, and headings that a link leads to. So
//! nothing is cited that only its author can read.

use crate::{architecture::sources, pictures::page};
use std::{collections::BTreeSet, fs, path::Path};

/// Where texts of others are cited by section, and how their names end there.
const FOREIGN: [&str; 3] = ["RFC ", "SARIF ", "YAML "];
const CONTRACT: &str = "scalekit-api.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The comments of a Rust file, each as one line with the number of its first.
fn comments(code: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in code.lines().enumerate() {
        let text = line.trim_start().strip_prefix("//").map(|text| text.trim_start_matches(['/', '!']));
        let text = text.or_else(|| line.split_once(" // ").map(|(_, text)| text));
        match (text, blocks.last_mut().filter(|_| open)) {
            (Some(text), Some((_, block))) => *block += &format!(" {}", text.trim()),
            (Some(text), None) => blocks.push((number + 1, text.trim().to_owned())),
            (None, _) => {}
        }
        open = text.is_some();
    }
    blocks
}

/// The paragraphs and rows of a page.
fn paragraphs(page: &str) -> Vec<(usize, String)> {
    page.lines().enumerate().map(|(number, line)| (number + 1, line.to_owned())).collect()
}

/// All pages of the repository, by their path from its top.
fn pages() -> Vec<String> {
    let markdown = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".md"));
        names.map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    ["", "docs/", "docs/development/", ".github/"].into_iter().flat_map(markdown).collect()
}

/// The number that a heading or a citation begins with; empty if none.
fn number(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap().trim_end_matches('.')
}

/// The headings below the page's title, without their signs.
fn headings(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("##")).map(|line| line.trim_start_matches('#').trim())
}

/// The sections of the contract.
fn sections(page: &str) -> BTreeSet<&str> {
    headings(page).map(number).filter(|number| !number.is_empty()).collect()
}

/// The rows of the page of faults.
fn rows(page: &str) -> BTreeSet<u16> {
    page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect()
}

/// What each `§` of `text` cites: the page named last before it, and the
/// section. `home` is the page that is meant where none is named.
fn cited<'a>(text: &'a str, home: Option<&'a str>) -> Vec<(Option<&'a str>, &'a str)> {
    let mut found = Vec::new();
    for (at, sign) in text.match_indices('§') {
        let before = &text[..at];
        let named = [CONTRACT].iter().chain(&FOREIGN).filter_map(|page| Some((before.rfind(page)?, *page))).max();
        let rest = &text[at + sign.len()..];
        let first = number(rest);
        let page = named.map(|(_, page)| page).or(home);
        found.push((page, first));
        if let Some(last) = rest[first.len()..].strip_prefix('–') {
            found.push((page, number(last)));
        }
    }
    found
}

/// The numbers behind `row` or `rows`: `rows 1–4, 7 and 9` are 1, 4, 7 and 9.
fn cited_rows(text: &str) -> Vec<u16> {
    let mut found = Vec::new();
    let words: Vec<&str> = text.split([' ', '(', ')', '`']).collect();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| ["row", "rows"].contains(word)) {
        for word in &words[at + 1..] {
            if *word == "and" {
                continue;
            }
            let numbers: Vec<u16> =
                word.trim_end_matches([',', '.', ';', ':']).split('–').map_while(|n| n.parse().ok()).collect();
            found.extend(&numbers);
            if numbers.is_empty() || word.ends_with(['.', ';', ':']) {
                break;
            }
        }
    }
    found
}

/// Names of Markdown files in `text`.
fn markdown(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c));
    words.map(|word| word.trim_end_matches('.')).filter(|word| word.ends_with(".md"))
}

/// How a heading is named in a link.
pub fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Where the links of a page lead: file and heading, both may be empty.
fn links(page: &str) -> Vec<(&str, &str)> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let own = targets.filter(|target| !target.contains("://"));
    own.map(|target| target.split_once('#').unwrap_or((target, ""))).collect()
}

fn assert_all(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All texts that may cite, with their place.
fn texts() -> Vec<(String, String)> {
    let code = ["src", "tests"].iter().flat_map(|folder| sources(&root().join(folder)));
    let code = code.map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"));
    let code: Vec<String> = code.filter(|file| file != "tests/it/citations.rs").collect();
    let of = |file: &String| {
        let text = page(file);
        let blocks = if file.ends_with(".rs") { comments(&text) } else { paragraphs(&text) };
        blocks.into_iter().map(|(line, text)| (format!("{file}:{line}"), text)).collect::<Vec<_>>()
    };
    code.iter().chain(&pages()).flat_map(of).collect()
}

#[test]
fn every_cited_section_of_the_contract_exists() {
    let contract = page("docs/development/scalekit-api.md");
    let sections = sections(&contract);
    let mut wrong = Vec::new();
    for (place, text) in texts() {
        let home = place.starts_with("docs/development/scalekit-api.md").then_some(CONTRACT);
        for (page, section) in cited(&text, home) {
            match page {
                None => wrong.push(format!("{place}: §{section} of which page?")),
                Some(CONTRACT) if !sections.contains(section) => wrong.push(format!("{place}: no §{section}")),
                Some(_) => {}
            }
        }
    }
    assert_all(wrong);
}

#[test]
fn every_cited_row_is_in_the_table_of_faults() {
    let faults = page("docs/development/failures.md");
    let rows = rows(&faults);
    let mut wrong = Vec::new();
    for (place, text) in texts() {
        wrong.extend(
            cited_rows(&text).into_iter().filter(|row| !rows.contains(row)).map(|row| format!("{place}: no row {row}")),
        );
        if place.starts_with("src/") && !cited_rows(&text).is_empty() && !text.contains("docs/development/failures.md")
        {
            wrong.push(format!("{place}: rows of which page?"));
        }
    }
    assert_all(wrong);
}

#[test]
fn every_page_that_a_comment_names_exists() {
    let mut wrong = Vec::new();
    for (place, text) in texts().into_iter().filter(|(place, _)| place.contains(".rs:")) {
        let there = |name: &str| {
            ["", "docs", "docs/development", ".github"]
                .iter()
                .any(|folder| root().join(folder).join(name.trim_start_matches("../")).is_file())
        };
        wrong.extend(markdown(&text).filter(|name| !there(name)).map(|name| format!("{place}: no {name}")));
        if text.contains("failure-catalogue") {
            wrong.push(format!("{place}: the page of faults is docs/development/failures.md"));
        }
    }
    assert_all(wrong);
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let mut wrong = Vec::new();
    for file in pages() {
        let here = page(&file);
        for (target, heading) in links(&here) {
            let path =
                if target.is_empty() { root().join(&file) } else { root().join(&file).parent().unwrap().join(target) };
            if !path.exists() {
                wrong.push(format!("{file}: no {target}"));
            } else if !heading.is_empty()
                && !headings(&fs::read_to_string(&path).unwrap()).any(|h| anchor(h) == heading)
            {
                wrong.push(format!("{file}: no heading {target}#{heading}"));
            }
        }
    }
    assert_all(wrong);
}

#[test]
fn a_citation_is_seen_in_every_form() {
    let section = |text| cited(text, None);
    let contract = Some(CONTRACT);
    assert_eq!(section("(`scalekit-api.md` §1.3–1.5)"), [(contract, "1.3"), (contract, "1.5")]);
    assert_eq!(
        section("`scalekit-api.md` §2.1, §6. And (§3.3)."),
        [(contract, "2.1"), (contract, "6"), (contract, "3.3")]
    );
    assert_eq!(section("`scalekit-api.md` §2 and RFC 6750 §2.1"), [(contract, "2"), (Some("RFC "), "2.1")]);
    assert_eq!(section("the one (§7)"), [(None, "7")]);
    assert_eq!(cited_rows("(`docs/development/failures.md` rows 1–4, 7 and 93)."), [1, 4, 7, 93]);
    assert_eq!(cited_rows("a row of 5, row 25: then 7"), [25]);
    assert_eq!(markdown("see `docs/design.md`, and (x.md).").collect::<Vec<_>>(), ["docs/design.md", "x.md"]);
    assert_eq!(links("[a](b.md#c-d) [e](https://f) [g](#h)"), [("b.md", "c-d"), ("", "h")]);
    assert_eq!(anchor(" Before it reaches a cluster, `osp`"), "before-it-reaches-a-cluster-osp");
    let code = "/// one\n/// two\nfn f() {\n    g(); // three\n}\n";
    assert_eq!(comments(code), [(1, "one two".to_owned()), (4, "three".to_owned())]);
    let page = "# 1 no\n## 2. Endpoints\n### 2.1 GET\n| 3 | x |\n";
    assert_eq!(sections(page).into_iter().collect::<Vec<_>>(), ["2", "2.1"]);
    assert_eq!(rows(page).into_iter().collect::<Vec<_>>(), [3]);
}
