//! Random bytes, random YAML and mutated manifests: the loader always answers,
//! and soundly. PROPTEST_CASES makes it look longer; the fuzz target looks
//! deeper.

use super::{policy, sound};
use proptest::prelude::*;

fn sound(bytes: &[u8]) -> Result<(), TestCaseError> {
    sound::sound(bytes, &sound::FORMATS).map_err(TestCaseError::fail)
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
