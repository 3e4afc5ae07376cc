//! What a verb asks of its input beside the rules of the resource: the files to leave out, and the longest timeouts.

use crate::{
    crd,
    policy::{Minutes, Policy, ValidatedSpec},
};
use ignore::gitignore::GitignoreBuilder;
use std::path::Path;

/// Arguments of every verb that reads manifests.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Leave out files and folders that match this pattern, in the format of .gitignore, as a file .ospignore in a folder
    /// does; may be given more than once
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(super) exclude: Vec<String>,
    /// Refuse a custom policy whose absolute timeout is longer, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = minutes)]
    max_absolute: Option<Minutes>,
    /// Refuse a custom policy whose sessions may be idle for longer, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = minutes)]
    max_idle: Option<Minutes>,
}

fn pattern(text: &str) -> Result<String, String> {
    patterns(Path::new("")).add_line(None, text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// A list of patterns for what is in `root`. One with a `[` alone is an error: for git it matches nothing.
pub(super) fn patterns(root: &Path) -> GitignoreBuilder {
    let mut patterns = GitignoreBuilder::new(root);
    patterns.allow_unclosed_class(false);
    patterns
}

/// A duration of whole minutes; days are allowed too.
pub(super) fn minutes(text: &str) -> Result<Minutes, String> {
    let seconds = crd::duration_or_days(text).ok().map(|time| time.as_secs()).filter(|seconds| seconds % 60 == 0);
    let minutes = seconds.and_then(|seconds| Minutes::new(i64::try_from(seconds / 60).ok()?));
    minutes.ok_or_else(|| "write whole minutes, such as 24h, 90m or 7d".to_owned())
}

/// A timeout that is longer than allowed.
pub(super) struct TooLong {
    /// The field, below `spec.policy`.
    pub(super) field: &'static str,
    pub(super) message: String,
    pub(super) fix: String,
}

impl Options {
    /// The timeouts of `spec` that are longer than allowed. One that inherits has none of its own.
    pub(super) fn too_long(&self, spec: &ValidatedSpec) -> Vec<TooLong> {
        let Policy::Custom(session) = spec.policy else { return Vec::new() };
        let absolute = session.absolute();
        let exceeds = |most: Option<Minutes>, value: Minutes| most.filter(|most| value > *most);
        let mut found = Vec::new();
        if let Some(most) = exceeds(self.max_absolute, absolute) {
            let message = format!("{absolute} is longer than the {most} that --max-absolute allows");
            found.push(TooLong {
                field: "absoluteSessionTimeout",
                message,
                fix: in_fields("absoluteSessionTimeout", most),
            });
        }
        // a session ends with its absolute timeout however idle it is
        if let Some(most) = exceeds(self.max_idle, session.idle().unwrap_or(absolute)) {
            let message = match session.idle() {
                Some(idle) => format!("{idle} is longer than the {most} that --max-idle allows"),
                None => {
                    format!("without an idle timeout a session may be idle for longer than the {most} of --max-idle")
                }
            };
            let enabled = if session.idle().is_none() { "idleSessionTimeoutEnabled: true, " } else { "" };
            let fix = in_fields("idleSessionTimeout", most).replacen("write ", &format!("write {enabled}"), 1);
            found.push(TooLong { field: "idleSessionTimeout", message, fix });
        }
        found
    }
}

/// The two fields of a timeout, in the largest unit that divides it.
fn in_fields(field: &str, minutes: Minutes) -> String {
    let (value, unit) = minutes.in_largest_unit();
    format!("write {field}: {value} and {field}Unit: {}, or less", unit.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{DeletionPolicy, Mode, OrganizationId, OrganizationRef, Session};

    fn spec(policy: Policy) -> ValidatedSpec {
        let organization = OrganizationRef::Id(OrganizationId::parse("org_1").unwrap());
        let deletion = DeletionPolicy::default();
        ValidatedSpec {
            organization,
            policy,
            mode: Mode::Enforce,
            deletion,
            suspend: false,
            suspended_until: None,
            interval: None,
            secret: None,
        }
    }

    #[test]
    fn a_timeout_is_too_long_only_above_the_limit_and_no_idle_timeout_is_as_long_as_the_absolute() {
        let options = Options { max_absolute: Minutes::new(1440), max_idle: Minutes::new(60), ..Options::default() };
        let m = |n| Minutes::new(n).unwrap();
        for (absolute, idle, fields) in [
            (1440, Some(60), &[][..]),
            (1441, Some(60), &["absoluteSessionTimeout"]),
            (1440, Some(61), &["idleSessionTimeout"]),
            (1440, None, &["idleSessionTimeout"]),
            (60, None, &[]),
            (2880, None, &["absoluteSessionTimeout", "idleSessionTimeout"]),
        ] {
            let session = Session::new(m(absolute), idle.map(m)).unwrap();
            let found: Vec<_> = options.too_long(&spec(Policy::Custom(session))).iter().map(|one| one.field).collect();
            assert_eq!(found, fields, "{absolute} {idle:?}");
        }
        assert!(options.too_long(&spec(Policy::Application)).is_empty());
        let none = Options::default();
        assert!(none.too_long(&spec(Policy::Custom(Session::new(m(9999), None).unwrap()))).is_empty());
    }

    #[test]
    fn a_limit_is_a_duration_of_whole_minutes() {
        for (text, expected) in [("24h", Some(1440)), ("1h30m", Some(90)), ("7d", Some(10_080)), ("90s", None)] {
            assert_eq!(minutes(text).ok(), expected.and_then(Minutes::new), "{text}");
        }
        for text in ["0", "24", "", "-1h", "1d2h", "99999999d"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }
}
