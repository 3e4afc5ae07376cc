//! Input that would cost much if it were read: an answer comes within a memory
//! that a child process is not given more of.

use super::{Folder, Told};
use std::{fs::File, process::Stdio};

/// What a run may have of address space, which is more than it uses.
const KIBIBYTES: usize = 160 * 1024;

/// Runs `osp validate a.yaml` with a hard limit of memory.
fn within_memory(folder: &Folder) -> Told {
    let script = format!("ulimit -v {KIBIBYTES} && exec \"$0\" validate a.yaml");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_osp")]).current_dir(folder.path()).stdin(Stdio::null());
    Told::from(shell.output().unwrap())
}

#[test]
fn a_bomb_is_told_with_its_place_and_costs_no_memory() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    let ours = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n";
    let skipped = "--- *a\n".to_owned() + &"b\n".repeat(4_000_000) + "--- *c\n";
    let fields = (0..100_000).fold(ours.to_owned(), |text, n| text + &format!("f{n}: 1\n"));
    for (content, place, part) in [
        (bomb, "5:20: ", "anchors and aliases that stand for more than"),
        ("[".repeat(100_000), "1:", "nested too deep"),
        ("[".to_owned() + &"[],".repeat(2_000_000), "1:", "a document of more than"),
        ("--- a\n".repeat(200_000), "1:", "this is a text"),
        ("---\n".repeat(1_000_000), "100001:", "more than 100000 documents"),
        ("---\na: [1\n".repeat(100_000), "2:4: ", "error[limit]: there are too many findings"),
        (skipped, "1:5: ", "a.yaml:4000002:5: error[syntax]"),
        (fields, "1:", "a resource of more than"),
    ] {
        let told = within_memory(&Folder::with(&content));
        let start: String = content.chars().take(40).collect();
        assert!(told.out.starts_with(&format!("a.yaml:{place}")), "{start}: {told:?}");
        assert!(told.out.contains(part), "{start}");
        assert_eq!((told.code, told.err.as_str()), (Some(1), ""), "{start}");
    }
}

#[test]
fn a_long_text_is_kept_once_however_often_it_is_meant() {
    let text = "x".repeat(1 << 20);
    let values = format!("a: &a {text}\nb: [{}1]\n", "*a, ".repeat(1000));
    let keys = format!("a: &a {text}\nb: [{}1]\n", "{*a : 1}, ".repeat(1000));
    let merged = format!("a: &a {{? {text} : 1}}\nb: [{}1]\n", "{<<: *a}, ".repeat(1000));
    let ours = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\n".to_owned();
    let path = (0..58).fold(ours, |all, n| {
        let (indent, key) = (" ".repeat(n), "k".repeat(130_000));
        all + &format!("{indent}? {key}\n{indent}:\n")
    });
    let repeats = format!("[{}]", format!("{{{}}}, ", "a: 1, ".repeat(100)).repeat(2400));
    for (content, place, part) in [
        (values, "2:", "anchors and aliases that stand for more than 4194304 bytes"),
        (keys, "2:", "anchors and aliases that stand for more than 4194304 bytes"),
        (merged, "2:", "anchors and aliases that stand for more than 4194304 bytes"),
        (path + &" ".repeat(58) + "yes\n", "1:1", "yes is a text in YAML 1.2"),
        (repeats, "1:9", "there are too many findings"),
    ] {
        let told = within_memory(&Folder::with(&content));
        assert!(told.out.starts_with(&format!("a.yaml:{place}")), "{place} {part}: {} {}", told.out, told.err);
        assert!(told.out.contains(part), "{part}");
        assert_eq!((told.code, told.err.as_str()), (Some(1), ""), "{part}");
    }
}

#[test]
fn a_file_of_100_megabytes_is_not_read() {
    let folder = Folder::new();
    File::create(folder.path().join("a.yaml")).unwrap().set_len(100 << 20).unwrap();
    let told = within_memory(&folder);
    let expected = "a.yaml:1:1: error[limit]: a file may have 8388608 bytes\n  fix: split it into smaller ones\n";
    assert!(told.out.starts_with(expected), "{} {}", told.out, told.err);
    assert_eq!(told.code, Some(1));
}

#[test]
fn an_endless_standard_input_is_not_read_to_its_end() {
    let folder = Folder::new();
    let mut command = folder.command(&["validate", "-"]);
    command.stdin(File::open("/dev/zero").unwrap());
    let told = Told::from(command.output().unwrap());
    assert!(told.out.starts_with("<stdin>:1:1: error[limit]: a file may have"), "{}", told.out);
}
