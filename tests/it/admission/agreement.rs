//! The check without a cluster and the operator's own code say of every row what
//! the API server says.

use super::rows::{BAD, GOOD, Row};
use serde_json::Value;
use session_policy_operator::crd::{self, OrganizationSessionPolicySpec};

/// `None` for a spec that the operator cannot even read.
fn own(document: &Value) -> Option<Result<(), Vec<crd::Violation>>> {
    let spec: OrganizationSessionPolicySpec = serde_json::from_value(document.get("spec")?.clone()).ok()?;
    Some(crd::validate(&spec).map(drop))
}

#[test]
fn every_good_manifest_passes_the_check_without_a_cluster() {
    for row in GOOD {
        assert_eq!(crd::check(&row.document()), [], "{}", row.about);
    }
}

#[test]
fn every_good_manifest_holds_a_valid_spec() {
    for row in GOOD {
        assert!(crd::read(&row.document()).is_ok(), "{}", row.about);
    }
}

#[test]
fn every_bad_manifest_fails_the_check_without_a_cluster() {
    for row in BAD {
        assert!(!crd::check(&row.document()).is_empty(), "{}", row.about);
    }
}

#[test]
fn the_operator_takes_every_good_spec_that_it_can_read() {
    let read = GOOD.iter().filter_map(|row| Some((row, own(&row.document())?)));
    let mut count = 0;
    for (row, verdict) in read {
        assert_eq!(verdict, Ok(()), "{}", row.about);
        count += 1;
    }
    assert!(count >= GOOD.len() - 2, "only those are unreadable that the server changes when it stores them: {count}");
}

/// What only a document can get wrong: the server stores no such field.
const OF_THE_DOCUMENT: [&str; 10] = [
    "a Secret in another namespace",
    "the old snake case",
    "a misspelt policy field",
    "a misspelt spec",
    "a name in upper case",
    "a misspelt namespace",
    "a label with a space in its value",
    "an unknown field of the status",
    "another version",
    "no spec",
];

/// What a stored resource may have, since the rule is newer.
const WITHOUT_UNIT: [&str; 3] = [
    "an absolute timeout without its unit",
    "an absolute timeout whose unit is null",
    "an idle timeout without its unit",
];

#[test]
fn the_operator_refuses_every_bad_spec_that_it_can_read() {
    let known = |row: &&Row| !OF_THE_DOCUMENT.contains(&row.about) && !WITHOUT_UNIT.contains(&row.about);
    for row in BAD.iter().filter(known) {
        if let Some(verdict) = own(&row.document()) {
            assert!(verdict.is_err_and(|violations| !violations.is_empty()), "{}", row.about);
        }
    }
}
