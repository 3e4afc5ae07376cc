//! Random bytes, random YAML and mutated manifests: the loader always answers,
//! without a panic, and says something of each. It stands in for a fuzzer, which
//! would need a nightly compiler; PROPTEST_CASES makes it look longer.

use super::policy;
use proptest::prelude::*;
use session_policy_operator::gitops::{Limits, Loaded, load};
use std::path::PathBuf;

fn loaded(bytes: &[u8]) -> Loaded {
    load(&[PathBuf::from("-")], &mut &bytes[..], &Limits::default())
}

/// Every place is in the text, and something is said of every text.
fn sound(bytes: &[u8]) -> Result<(), TestCaseError> {
    let loaded = loaded(bytes);
    let lines = bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count() + 1;
    for finding in &loaded.findings {
        let place = &finding.place;
        prop_assert!((1..=lines + 1).contains(&place.line) && place.column >= 1, "{place}: {}", finding.message);
        prop_assert!(!finding.message.is_empty() && !finding.summary().contains('\n'));
    }
    prop_assert!(loaded.manifests.len() <= loaded.resources);
    prop_assert!(loaded.resources + loaded.skipped + loaded.findings.len() > 0, "nothing is said");
    Ok(())
}

/// Text made of what YAML is made of.
fn yaml() -> impl Strategy<Value = String> {
    let parts = [
        "a",
        "kind",
        ": ",
        ":",
        "- ",
        "-",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\n",
        "\n  ",
        "\n\t",
        "&a ",
        "*a",
        "<<: ",
        "|",
        ">-",
        "'",
        "\"",
        "#",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "!!int ",
        "!x ",
        "010",
        ".nan",
        "~",
        "\r",
        "\u{feff}",
        "é",
        "\0",
        "OrganizationSessionPolicy",
        "apiVersion: scalekit.com/v1alpha1\n",
        "items:\n",
        "\\u0000",
        "@",
        "`",
    ];
    proptest::collection::vec(prop::sample::select(parts.to_vec()), 0..60).prop_map(|parts| parts.concat())
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        sound(&bytes)?;
    }

    #[test]
    fn random_yaml_is_answered(text in yaml()) {
        sound(text.as_bytes())?;
    }

    #[test]
    fn a_mutated_manifest_is_answered(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut bytes = (policy("a", "id: org_1") + "---\n" + &policy("b", "externalId: x")).into_bytes();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        sound(&bytes)?;
    }
}
