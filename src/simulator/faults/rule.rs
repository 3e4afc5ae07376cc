//! The rules that select the requests to inject faults into.

use super::fault::Fault;
use serde::{Deserialize, Serialize};

/// How often a rule injects its fault: a number, or `"forever"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Times {
    Forever,
    #[serde(untagged)]
    Count(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// `None`: any method.
    method: Option<String>,
    /// `None`: any path. `*` matches anything without a slash, `**` anything. Compared with the
    /// percent-encoded path.
    path: Option<String>,
    /// How many matching requests are handled normally first.
    #[serde(default)]
    skip: u64,
    #[serde(default = "once")]
    times: Times,
    fault: Fault,
}

fn once() -> Times {
    Times::Count(1)
}

impl Rule {
    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| matches(pattern.as_bytes(), path.as_bytes()))
    }
}

/// The rules in the order in which they were added, without those that are used up.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
}

impl Faults {
    pub(crate) fn add(&mut self, rules: Vec<Rule>) {
        self.rules.extend(rules.into_iter().filter(|rule| rule.times != Times::Count(0)));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn pending(&self) -> &[Rule] {
        &self.rules
    }

    /// Takes the fault of the first rule that matches and has no more requests to skip. Every matching rule
    /// before it counts the request as skipped.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let position = self.rules.iter_mut().position(|rule| {
            let matching = rule.matches(method, path);
            let skipped = matching && rule.skip > 0;
            rule.skip -= u64::from(skipped);
            matching && !skipped
        })?;
        let rule = self.rules.get_mut(position)?;
        if let Times::Count(left) = &mut rule.times {
            *left -= 1;
        }
        let fault = rule.fault.clone();
        self.rules.retain(|rule| rule.times != Times::Count(0));
        Some(fault)
    }
}

/// Whether a path matches a pattern with `*` and `**`.
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([b'*', b'*', rest @ ..], _) => matches(rest, path) || matches!(path, [_, tail @ ..] if matches(pattern, tail)),
        ([b'*', rest @ ..], [] | [b'/', ..]) => matches(rest, path),
        ([b'*', rest @ ..], [_, tail @ ..]) => matches(rest, path) || matches(pattern, tail),
        ([one, rest @ ..], [other, tail @ ..]) => one == other && matches(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_star_stays_within_a_segment() {
        for (pattern, path, fits) in [
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("**/c", "/a/b/c", true),
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("*", "", true),
            ("/a/b*", "/a/b", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn a_rule_skips_then_injects_then_is_gone() {
        let mut faults = Faults::default();
        faults.add(vec![rule(json!({"method": "GET", "skip": 1, "times": 2, "fault": {"kind": "lost_request"}}))]);
        let mut hits = || faults.take("GET", "/x").is_some();
        assert_eq!([hits(), hits(), hits(), hits()], [false, true, true, false]);
        assert!(faults.pending().is_empty());
    }

    #[test]
    fn the_first_rule_that_concerns_the_request_wins() {
        let mut faults = Faults::default();
        faults.add(vec![
            rule(json!({"method": "PATCH", "fault": {"kind": "lost_request"}})),
            rule(json!({"path": "/a", "times": "forever", "fault": {"kind": "lost_response"}})),
        ]);
        let mut kind = |method, path| faults.take(method, path).map(|fault| fault.kind());
        assert_eq!(kind("GET", "/b"), None);
        assert_eq!(kind("GET", "/a"), Some("lost_response"));
        assert_eq!(kind("PATCH", "/a"), Some("lost_request"));
        assert_eq!(kind("PATCH", "/a"), Some("lost_response"));
    }

    #[test]
    fn a_rule_with_a_misspelt_field_is_refused() {
        for wrong in [
            json!({"verb": "GET", "fault": {"kind": "lost_request"}}),
            json!({"fault": {"kind": "refuse", "statsu": 500}}),
            json!({"times": "always", "fault": {"kind": "lost_request"}}),
        ] {
            assert!(serde_json::from_value::<Rule>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
