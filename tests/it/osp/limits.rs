//! Input that would cost much if it were read, or if something were made of it:
//! the answer comes within the memory that `docs/osp.md` promises, which is all
//! that the process gets, and without the work that would show in its seconds.

use super::{Folder, Ran, policy};
use std::{
    fs::File,
    process::{Command, Stdio},
};

/// What a run may allocate.
const KIBIBYTES: usize = 100 * 1024;

/// Seconds of a processor that a run may take. Nothing takes more than a few of them
/// without optimization; what is read again and again takes minutes.
const SECONDS: usize = 20;

/// Runs `osp` with hard limits of memory and work: the kernel ends it at either.
fn bounded(folder: &Folder, seconds: usize, arguments: &[&str]) -> Ran {
    let script = format!("ulimit -d {KIBIBYTES} -t {seconds} && exec \"$0\" \"$@\"");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_osp")]).args(arguments);
    Ran::from(shell.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap())
}

/// That the first diagnostic is about `content`, at `place` and with `part`, and exit code 1.
fn is_reported(content: &str, place: &str, part: &str) {
    let ran = bounded(&Folder::with(content), SECONDS, &["validate", "a.yaml"]);
    let start: String = content.chars().take(40).collect();
    let shown: String = ran.out.chars().take(300).collect();
    assert!(ran.out.starts_with(&format!("a.yaml:{place}:")), "{start}: {shown} {}", ran.err);
    assert!(ran.out.contains(part), "{start}: {shown}");
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{start}");
}

const OURS: &str = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n";

#[test]
fn row_096_aliases_make_no_more_of_a_text_than_it_is() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    is_reported(&bomb, "5:20", "anchors and aliases that stand for more than 50000 values");
}

#[test]
fn row_096_a_long_text_is_kept_once_however_often_it_is_meant() {
    let text = "x".repeat(1 << 20);
    for repeated in [
        format!("a: &a {text}\nb: [{}1]\n", "*a, ".repeat(1000)),
        format!("a: &a {text}\nb: [{}1]\n", "{*a : 1}, ".repeat(1000)),
        format!("a: &a {{? {text} : 1}}\nb: [{}1]\n", "{<<: *a}, ".repeat(1000)),
    ] {
        let part = "error[limit]: anchors and aliases that stand for more than 4194304 bytes";
        is_reported(&repeated, "2", part);
    }
    let path = (0..58).fold(OURS.to_owned(), |all, n| {
        let (indent, key) = (" ".repeat(n), "k".repeat(130_000));
        all + &format!("{indent}? {key}\n{indent}:\n")
    });
    is_reported(&(path + &" ".repeat(58) + "yes\n"), "1:1", "yes is a text in YAML 1.2");
}

#[test]
fn row_096_nesting_a_million_deep_is_reported() {
    for (text, place) in [("[", "1:65"), ("[a, ", "1:257"), ("- ", "1:129"), ("? ", "1:129")] {
        is_reported(&text.repeat(1_000_000), place, "error[limit]: maps and lists are nested too deep");
    }
}

#[test]
fn row_096_too_much_in_one_document_or_resource_is_reported() {
    is_reported(
        &("[".to_owned() + &"[],".repeat(2_000_000)),
        "1:1500002",
        "a document of more than 500000 keys and values",
    );
    let fields = (0..100_000).fold(OURS.to_owned(), |text, n| text + &format!("f{n}: 1\n"));
    is_reported(&fields, "1:1", "a resource of more than 10000 keys and values");
}

#[test]
fn row_096_a_hundred_thousand_repeated_keys_are_reported() {
    is_reported(&"a: 1\n".repeat(100_000), "2:1", "100 findings in 0 policies");
    let pairs = (0..100_000).fold(String::new(), |text, n| text + &format!("k{n}: 1\n")).repeat(2);
    is_reported(&pairs, "100001:1", "the key k0 is in this map already");
}

#[test]
fn row_096_many_documents_are_reported() {
    is_reported(&"--- a\n".repeat(200_000), "1:4", "error[limit]: there are too many findings");
    is_reported(&"---\n".repeat(1_000_000), "200001:4", "there are more than 100000 documents");
}

#[test]
fn what_is_skipped_after_an_error_is_read_once() {
    for broken in ["---\na: [1\n", "---\na: 'b\n", "---\na: 1: 2\n"] {
        is_reported(
            &broken.repeat(100_000),
            &format!("2:{}", if broken.contains(": 2") { 5 } else { 4 }),
            "too many findings",
        );
    }
    is_reported(
        &("--- *a\n".to_owned() + &"b\n".repeat(4_000_000) + "--- *c\n"),
        "1:4",
        "a.yaml:4000002:4: error[syntax]",
    );
}

/// With it in the path of each, this would be 80 GB of copying.
#[test]
fn a_long_key_is_not_copied_for_each_value_below_it() {
    let content = format!("{OURS}? {}\n: [{}]\n", "k".repeat(8_000_000), "1, ".repeat(9_900));
    let ran = bounded(&Folder::with(content), 4, &["validate", "a.yaml"]);
    assert!(ran.out.starts_with("a.yaml:1:1: error[metadata]") && ran.out.contains(": unknown field"), "{ran:?}");
}

#[test]
fn row_096_the_largest_documents_fit_into_the_memory() {
    let largest = "[".to_owned() + &"{a: 1},\n".repeat(166_660) + "]\n";
    let ran = bounded(&Folder::with(largest), SECONDS, &["validate", "--allow-empty", "a.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "0 policies valid, 1 document of other kinds skipped\n"));
    is_reported(&("[".to_owned() + &"{a: 1, a: 2},\n".repeat(99_990) + "]\n"), "1:9", "there are too many findings");
}

/// With a long path, which every place has.
#[test]
fn ten_thousand_resources_in_one_file_fit_into_the_memory() {
    let folder = Folder::new();
    let path = ["deep".repeat(60).as_str(); 15].join("/") + "/a.yaml";
    let all =
        (0..10_000).fold(String::new(), |all, n| all + &policy(&format!("a{n}"), &format!("id: org_{n}")) + "---\n");
    folder.write(&path, all);
    let ran = bounded(&folder, SECONDS, &["validate", "."]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "10000 policies valid\n"), "{}", ran.err);
}

/// With a long path: it is in every finding.
#[test]
fn the_most_findings_fit_into_the_memory_in_every_format() {
    let folder = Folder::new();
    let above = "deep".repeat(60);
    let path = [above.as_str(); 4].join("/") + "/a.yaml";
    folder.write(&path, "a: 1\na: 2\n---\n".repeat(10_001));
    for output in ["json", "sarif", "junit", "github"] {
        let Ran { code, out, err } = bounded(&folder, SECONDS, &["validate", "--output", output, &path]);
        assert_eq!((code, err.as_str()), (Some(1), ""), "{output}");
        assert!(out.matches("duplicate-key").count() >= 10_000, "{output}");
    }
}

#[test]
fn row_096_a_file_of_100_megabytes_is_not_read() {
    let folder = Folder::new();
    File::create(folder.path().join("a.yaml")).unwrap().set_len(100 << 20).unwrap();
    let ran = bounded(&folder, SECONDS, &["validate", "a.yaml"]);
    let expected =
        "a.yaml:1:1: error[limit]: a file may have at most 8388608 bytes\n  fix: split it into smaller ones\n";
    assert!(ran.out.starts_with(expected), "{} {}", ran.out, ran.err);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn row_096_an_endless_standard_input_is_not_read_to_its_end() {
    let folder = Folder::new();
    let mut command = folder.command(&["validate", "-"]);
    command.stdin(File::open("/dev/zero").unwrap());
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.out.starts_with("<stdin>:1:1: error[limit]: a file may have"), "{}", ran.out);
    assert_eq!(ran.code, Some(1));
}
