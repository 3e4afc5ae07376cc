//! What of an operator's properties can be judged by its log. A log does not tell everything: a resource that
//! retains its policy goes without a line, and nobody logs what others do in Scalekit. So a rule is broken only
//! by what no silence can explain.

use super::line::{Entry, Event, Write};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The clocks of two machines differ by less than this.
const SKEW: SignedDuration = SignedDuration::from_secs(2);
/// So many equal writes in so short a time are too many: one reconcile sends two.
const REPEATS: usize = 3;
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// A property of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Rule {
    /// Two resources write one organization in turns, and no line says that one let go.
    OneOwner,
    /// TightenOnly never makes a limit longer.
    TightenOnly,
    /// What is as declared is not written.
    NeedlessWrite,
    /// The same write again and again.
    Repeated,
    /// Only the leader writes.
    NotLeading,
    /// Only the feature session_policy is changed.
    OtherFeature,
}

/// A property that a write breaks.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    pub(super) rule: Rule,
    pub(super) entry: &'a Entry,
    pub(super) write: &'a Write,
    pub(super) message: String,
}

/// Somebody else has changed a policy between two writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drift<'a> {
    pub(super) time: Timestamp,
    pub(super) write: &'a Write,
    /// What the last write left.
    pub(super) left: &'a str,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Audit<'a> {
    pub(super) writes: usize,
    pub(super) organizations: usize,
    pub(super) findings: Vec<Finding<'a>>,
    pub(super) drift: Vec<Drift<'a>>,
}

/// What is known of one organization.
#[derive(Default)]
struct Known<'a> {
    /// What may be live by the writes so far: of one without an answer what was before too.
    left: Vec<&'a str>,
    /// Who wrote last, and those before who have not let go since.
    writer: Option<&'a str>,
    before: BTreeSet<&'a str>,
    /// The same write so often, since when.
    repeated: Option<(&'a Write, usize, Timestamp)>,
}

/// Holds `entries`, in the order of time, against the rules.
pub(super) fn audit(entries: &[Entry]) -> Audit<'_> {
    let mut audit = Audit::default();
    let mut known: BTreeMap<(&str, &str), Known<'_>> = BTreeMap::new();
    let mut leader: Option<(usize, Timestamp)> = None;
    for entry in entries {
        match &entry.event {
            Event::Leads => leader = Some((entry.log, entry.time)),
            Event::Ended => {}
            Event::Reconciled { resource, .. } => {
                // it ended in anything else than in sync: released, suspended, in conflict, without credentials
                for known in known.values_mut() {
                    known.before.remove(resource.as_str());
                    known.writer = known.writer.filter(|writer| writer != resource);
                }
            }
            Event::Wrote(write) if write.result == "not_sent" => {}
            Event::Wrote(write) => {
                audit.writes += 1;
                let known = known.entry((&write.organization, &write.what)).or_default();
                let mut broken = of_itself(write);
                broken.extend(known.take_in(entry.time, write, &mut audit.drift));
                if let Some((log, since)) = leader
                    && log != entry.log
                    && entry.time.duration_since(since) > SKEW
                {
                    broken.push((Rule::NotLeading, format!("another operator leads since {since}")));
                }
                audit.findings.extend(broken.into_iter().map(|(rule, message)| Finding {
                    rule,
                    entry,
                    write,
                    message,
                }));
            }
        }
    }
    audit.organizations = known.keys().map(|(organization, _)| *organization).collect::<BTreeSet<_>>().len();
    audit
}

/// What one write tells by itself.
fn of_itself(write: &Write) -> Vec<(Rule, String)> {
    let Write { before, after, direction, .. } = write;
    let mut broken = Vec::new();
    let looser = ["loosening", "mixed"].contains(&direction.as_str());
    if write.what == "policy" && write.mode == "TightenOnly" && !write.reverts && looser && write.result != "refused" {
        broken.push((Rule::TightenOnly, format!("{before} → {after} makes a limit longer")));
    }
    if write.what == "policy" && before == after {
        broken.push((Rule::NeedlessWrite, format!("{after} was live already")));
    }
    let other = after.split(' ').find(|one| !one.is_empty() && !one.starts_with("session_policy="));
    if let Some(other) = other.filter(|_| write.what == "features" && write.result == "applied") {
        broken.push((Rule::OtherFeature, format!("{other} changed with it")));
    }
    broken
}

impl<'a> Known<'a> {
    fn take_in(&mut self, time: Timestamp, write: &'a Write, drift: &mut Vec<Drift<'a>>) -> Vec<(Rule, String)> {
        let mut broken = Vec::new();
        if let Some(left) = self.left.first().filter(|_| !self.left.contains(&write.before.as_str()))
            && write.what == "policy"
            && write.before != "unknown"
        {
            drift.push(Drift { time, write, left });
        }
        if let Some(other) = self.writer.filter(|writer| *writer != write.resource) {
            if self.before.contains(write.resource.as_str()) {
                broken.push((Rule::OneOwner, format!("{other} has written it since, and neither has let go")));
            }
            self.before.insert(other);
        }
        // who reverts lets go
        self.writer = Some(write.resource.as_str()).filter(|_| !write.reverts);
        let same = |before: &Write| {
            let key = |write: &'a Write| (&write.resource, &write.before, &write.after);
            (&before.resource, &before.before, &before.after) == key(write)
        };
        let (count, since) = match self.repeated {
            Some((before, count, since)) if same(before) && time.duration_since(since) <= REPEATED_WITHIN => {
                (count + 1, since)
            }
            _ => (1, time),
        };
        self.repeated = Some((write, count, since));
        if count == REPEATS {
            broken.push((Rule::Repeated, format!("{} for the third time since {since}", write.after)));
        }
        match write.result.as_str() {
            "applied" => self.left = vec![&write.after],
            "unknown" => self.left.extend([write.after.as_str(), &write.before]),
            _ => {}
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::entries;
    use super::*;

    const APP: &str = "the application's policy";
    const DAY: &str = "absolute 8h, idle 1h";
    const MONTH: &str = "absolute 30d, idle off";

    fn write(second: u32, resource: &str, before: &str, after: &str, more: &str) -> String {
        let more = if more.is_empty() {
            "direction=tightening result=\"applied\" mode=\"Enforce\" reverts=false"
        } else {
            more
        };
        format!(
            "2026-11-27T14:{:02}:{:02}Z  INFO reconcile{{resource={resource}}}: x: wrote to Scalekit resource={resource} \
             organization=org_1 what=\"policy\" before=\"{before}\" after=\"{after}\" request=\"1\" {more}\n",
            second / 60,
            second % 60
        )
    }

    fn line(second: u32, text: &str) -> String {
        format!("2026-11-27T14:{:02}:{:02}Z  INFO {text}\n", second / 60, second % 60)
    }

    /// The rules that these logs break, and how often somebody else has changed a policy.
    fn broken(logs: &[String]) -> (Vec<Rule>, usize) {
        let mut entries: Vec<Entry> =
            logs.iter().enumerate().flat_map(|(log, text)| entries(log, text).unwrap()).collect();
        entries.sort_by_key(|entry| (entry.time, entry.log, entry.line));
        let audit = audit(&entries);
        (audit.findings.iter().map(|finding| finding.rule).collect(), audit.drift.len())
    }

    #[test]
    fn writes_that_follow_each_other_break_nothing_and_what_others_did_between_is_named() {
        let day = write(0, "a/x", APP, DAY, "");
        assert_eq!(broken(&[day.clone() + &write(60, "a/x", DAY, MONTH, "")]), (vec![], 0));
        assert_eq!(broken(&[day + &write(60, "a/x", MONTH, DAY, "")]), (vec![], 1));
        let unknown = "direction=tightening result=\"unknown\" mode=\"Enforce\" reverts=false";
        for before in [APP, DAY] {
            assert_eq!(
                broken(&[write(0, "a/x", APP, DAY, unknown) + &write(60, "a/x", before, MONTH, "")]),
                (vec![], 0)
            );
        }
    }

    #[test]
    fn two_that_take_turns_break_the_rule_of_one_owner_unless_one_lets_go() {
        let [x, y] = [write(0, "a/x", APP, DAY, ""), write(60, "b/y", DAY, MONTH, "")];
        let again = write(120, "a/x", MONTH, DAY, "");
        assert_eq!(broken(&[x.clone() + &y]).0, [], "the first may be gone");
        assert_eq!(broken(&[x.clone() + &y + &again]).0, [Rule::OneOwner]);
        let let_go = line(30, "reconcile{resource=a/x}: x: reconciled outcome=\"Suspended\"");
        assert_eq!(broken(&[x + &let_go + &y + &again]).0, []);
    }

    #[test]
    fn tighten_only_may_loosen_only_what_a_deletion_sets_back() {
        let more = |reverts| format!("direction=loosening result=\"applied\" mode=\"TightenOnly\" reverts={reverts}");
        assert_eq!(broken(&[write(0, "a/x", DAY, MONTH, &more(false))]).0, [Rule::TightenOnly]);
        assert_eq!(broken(&[write(0, "a/x", DAY, APP, &more(true))]).0, []);
    }

    #[test]
    fn an_equal_policy_is_not_written_and_no_policy_three_times_in_a_row() {
        assert_eq!(broken(&[write(0, "a/x", DAY, DAY, "")]).0, [Rule::NeedlessWrite]);
        let again = |gap: u32| (0..3).map(|n| write(n * gap, "a/x", APP, DAY, "")).collect::<String>();
        assert_eq!(broken(&[again(5)]).0, [Rule::Repeated]);
        assert_eq!(broken(&[again(60)]).0, []);
    }

    #[test]
    fn who_does_not_lead_writes_nothing() {
        let leads = |second| line(second, "x: this operator leads predecessor=\"Settled\"");
        let first = leads(0) + &write(10, "a/x", APP, DAY, "");
        let second = leads(60) + &write(70, "a/x", DAY, MONTH, "");
        assert_eq!(broken(&[first.clone(), second.clone()]).0, []);
        assert_eq!(broken(&[first + &write(90, "a/x", MONTH, DAY, ""), second]).0, [Rule::NotLeading]);
    }

    #[test]
    fn only_the_feature_of_the_operator_changes() {
        let features = |after: &str| {
            write(0, "a/x", "session_policy=off", after, "").replace("what=\"policy\"", "what=\"features\"")
        };
        assert_eq!(broken(&[features("session_policy=on")]).0, []);
        assert_eq!(broken(&[features("session_policy=on sso=off")]).0, [Rule::OtherFeature]);
    }
}
