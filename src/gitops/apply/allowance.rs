//! How many changes one run of `apply` may make, so that a wrong path or a bad merge does not change every customer.

use crate::{gitops::plan::Counts, terminal::counted};

/// Arguments of `apply`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Allowance {
    /// Write nothing if there are more changes than N, or than N% of the organizations of the plan
    #[arg(long, value_name = "N|N%", value_parser = amount)]
    max_changes: Option<Amount>,
    /// Write nothing if there are more changes that loosen something, or of which that is not known
    #[arg(long, value_name = "N|N%", value_parser = amount)]
    max_loosening: Option<Amount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Count(usize),
    Percent(usize),
}

fn amount(text: &str) -> Result<Amount, String> {
    let malformed = || "write a number such as 10, or a share such as 5%".to_owned();
    match text.strip_suffix('%') {
        None => text.parse().map(Amount::Count).map_err(|_| malformed()),
        Some(share) => share.parse().ok().filter(|n| *n <= 100).map(Amount::Percent).ok_or_else(malformed),
    }
}

impl Amount {
    /// How many of `all` that is, rounded down.
    const fn of(self, all: usize) -> usize {
        match self {
            Self::Count(n) => n,
            Self::Percent(n) => all * n / 100,
        }
    }
}

impl Allowance {
    /// Says which argument does not allow the changes of a plan of `all` organizations.
    pub(super) fn refuses(&self, counts: &Counts, all: usize) -> Option<String> {
        let loosening = counts.loosening + counts.unknown;
        let limits = [
            (self.max_changes, counts.changes, "", "--max-changes"),
            (self.max_loosening, loosening, " loosening or of unknown direction", "--max-loosening"),
        ];
        limits.into_iter().find_map(|(amount, n, what, argument)| {
            let most = amount?.of(all);
            let (changes, of) = (counted(n, "change", "changes"), counted(all, "organization", "organizations"));
            (n > most).then(|| format!("{changes}{what} of {of}; {argument} allows {most}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_all_organizations_and_rounded_down() {
        let refused = |changes: &str, loosening: &str, counts: Counts| {
            let [max_changes, max_loosening] = [changes, loosening].map(|text| amount(text).ok());
            Allowance { max_changes, max_loosening }.refuses(&counts, 30)
        };
        let counts = |changes, loosening, unknown| Counts { changes, loosening, unknown, ..Counts::default() };
        for (changes, loosening, found, expected) in [
            ("3", "", counts(3, 3, 0), None),
            ("3", "", counts(4, 0, 0), Some("4 changes of 30 organizations; --max-changes allows 3")),
            ("10%", "", counts(3, 0, 0), None),
            ("9%", "", counts(3, 0, 0), Some("3 changes of 30 organizations; --max-changes allows 2")),
            ("", "1", counts(9, 1, 0), None),
            (
                "",
                "0",
                counts(9, 0, 1),
                Some("1 change loosening or of unknown direction of 30 organizations; --max-loosening allows 0"),
            ),
            ("", "", counts(30, 30, 0), None),
        ] {
            assert_eq!(refused(changes, loosening, found).as_deref(), expected, "{changes} {loosening}");
        }
        for text in ["", "%", "-1", "101%", "1.5", "x"] {
            assert!(amount(text).is_err(), "{text}");
        }
    }
}
