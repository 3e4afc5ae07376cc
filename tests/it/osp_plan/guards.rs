//! What keeps `apply` from changing more than was meant.

use super::{Pipeline, custom};
use serde_json::json;

/// Ten organizations: seven are as declared, one is to be loosened and two are to be tightened.
fn ten() -> Pipeline {
    let pipeline = Pipeline::new(10, json!({}));
    for n in 1..=10 {
        let organization = format!("org_{n}");
        pipeline.live(
            &organization,
            if n == 1 {
                240
            } else if n < 4 {
                960
            } else {
                480
            },
            None,
        );
        pipeline.manifest(&format!("o{n}"), &custom(&organization, 480, None));
    }
    pipeline
}

#[test]
fn more_changes_than_allowed_stop_before_the_first_write_and_are_shown() {
    let pipeline = ten();
    for (argument, most, said) in [
        ("--max-changes", "2", "3 changes of 10 organizations; --max-changes allows 2"),
        ("--max-changes", "29%", "3 changes of 10 organizations; --max-changes allows 2"),
        (
            "--max-loosening",
            "0",
            "1 change loosening or of unknown direction of 10 organizations; --max-loosening allows 0",
        ),
        ("--max-loosening", "9%", "--max-loosening allows 0"),
    ] {
        let run = pipeline.osp(&["apply", "policies", "--yes", argument, most]).ended(3);
        assert!(run.err.contains(said) && run.err.ends_with("; nothing was written\n"), "{}", run.err);
        assert!(run.out.contains("~ o1 (org_1, Enforce): change (loosening)"), "{}", run.out);
        assert!(pipeline.writes().is_empty());
    }
    pipeline.osp(&["plan", "policies", "--save", "plan.json"]).ended(2);
    pipeline.osp(&["apply", "--plan", "plan.json", "--yes", "--max-changes", "2"]).ended(3);
    for wrong in ["x", "-1", "101%"] {
        pipeline.osp(&["apply", "policies", &format!("--max-changes={wrong}")]).ended(1);
    }
    assert!(pipeline.writes().is_empty());
    pipeline.osp(&["apply", "policies", "--yes", "--max-changes", "30%", "--max-loosening", "1"]).ended(0);
    assert_eq!(pipeline.writes().len(), 3);
    pipeline.osp(&["apply", "policies", "--yes", "--max-changes", "0"]).ended(0);
}

#[test]
fn terraforms_names_of_arguments_are_known_too() {
    let pipeline = ten();
    for out in [&["--out", "plan.json"][..], &["-out=plan.json"], &["-out", "plan.json"]] {
        pipeline.osp(&[&["plan", "policies"], out].concat()).ended(2);
        std::fs::remove_file(pipeline.folder.join("plan.json")).unwrap();
    }
    pipeline.osp(&["plan", "policies", "-out=plan.json"]).ended(2);
    pipeline.osp(&["apply", "--plan=plan.json", "-auto-approve"]).ended(0);
    assert_eq!(pipeline.writes().len(), 3);
    pipeline.osp(&["apply", "policies", "--auto-approve"]).ended(0);
    let help = pipeline.osp(&["apply", "--help"]).ended(0);
    assert!(help.out.contains("auto-approve]"), "{}", help.out);
}

#[test]
fn a_pipeline_gives_plan_the_arguments_that_it_gives_apply() {
    ten().osp(&["plan", "policies", "--ignore-cluster", "--max-absolute", "24h"]).ended(2);
}
