//! What can become of what passes between an operator and its API server, and what passes, counted.

use std::{collections::BTreeMap, time::Duration};

/// Something that passes: what it is, in words that are the same in each run, and how many such came before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Such as `PATCH organizationsessionpolicies/acme/status`, or `event MODIFIED acme`; `*` is anything.
    pub kind: String,
    pub nth: Nth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nth {
    /// Counted from 0.
    At(u64),
    /// Each that has so many before it, and again so many.
    Every(u64),
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tamper {
    /// The connection ends; a request does not arrive, an event is not shown, and neither is any after it.
    Lost,
    /// A request is carried out, and the connection ends; half of an event is shown, and no more.
    Cut,
    /// A request is carried out; its answer, or an event, comes later.
    Late,
    /// A request is carried out later.
    Held,
    /// A request is carried out, or an event shown, and nothing is heard on this connection any more.
    Silent,
    /// A request does not arrive, and nothing is heard on this connection any more.
    Swallowed,
    /// Twice: a write is carried out again, an event is shown again.
    Twice,
    /// This status, and nothing is carried out; for a watch 410 is an event.
    Refused(u16),
    /// An event is not shown; those after it are.
    Skipped,
    /// After an event comes the one before it of the same object, as from a server that is behind.
    Older,
    /// A watch ends properly after an event.
    Ends,
    /// A watch ends properly after a second.
    Brief,
}

/// How late what is late comes.
pub const LATE: Duration = Duration::from_millis(700);

impl Tamper {
    pub const OF_REQUESTS: [Self; 9] = [
        Self::Lost,
        Self::Cut,
        Self::Late,
        Self::Held,
        Self::Silent,
        Self::Twice,
        Self::Refused(409),
        Self::Refused(429),
        Self::Refused(500),
    ];
    pub const OF_EVENTS: [Self; 9] = [
        Self::Lost,
        Self::Cut,
        Self::Late,
        Self::Silent,
        Self::Twice,
        Self::Refused(410),
        Self::Skipped,
        Self::Older,
        Self::Ends,
    ];
    pub const OF_WATCHES: [Self; 6] =
        [Self::Lost, Self::Silent, Self::Brief, Self::Refused(410), Self::Refused(429), Self::Refused(500)];
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    pub at: Point,
    pub tamper: Tamper,
}

/// How often each kind of thing has passed, what is to go wrong, and how often something has.
#[derive(Debug, Default)]
pub struct Ledger {
    pub passed: BTreeMap<String, u64>,
    pub plan: Vec<Step>,
    pub hits: u64,
}

impl Ledger {
    /// Something passes; what is to become of it.
    pub fn meet(&mut self, kind: &str) -> Option<Tamper> {
        let count = self.passed.entry(kind.to_owned()).or_default();
        let number = *count;
        *count += 1;
        let due = self.plan.iter().find(|step| {
            (step.at.kind == kind || step.at.kind == "*")
                && match step.at.nth {
                    Nth::At(nth) => nth == number,
                    Nth::Every(each) => (number + 1).is_multiple_of(each),
                }
        });
        let tamper = due.map(|step| step.tamper);
        self.hits += u64::from(tamper.is_some());
        tamper
    }
}

/// What a request is, without what differs from run to run.
pub fn kind(method: &str, path: &str, watches: bool, namespace: &str) -> String {
    let tail =
        path.split_once("/namespaces/").map_or(path, |(_, rest)| rest.split_once('/').map_or(rest, |(_, tail)| tail));
    let mut parts: Vec<&str> = tail.split('/').map(|part| if part == namespace { "own" } else { part }).collect();
    if parts.first() == Some(&"events") {
        parts.truncate(1); // their names are random
    }
    format!("{} {}", if watches { "WATCH" } else { method }, parts.join("/"))
}

#[test]
fn a_request_is_named_without_what_is_of_one_run_alone() {
    let osp = "/apis/scalekit.com/v1alpha1/namespaces/t7/organizationsessionpolicies";
    for (method, path, watches, named) in [
        ("PATCH", format!("{osp}/acme/status"), false, "PATCH organizationsessionpolicies/acme/status"),
        ("GET", osp.to_owned(), true, "WATCH organizationsessionpolicies"),
        ("GET", "/api/v1/namespaces/t7".to_owned(), false, "GET own"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/t7".to_owned(), false, "PUT leases/own"),
        ("PATCH", "/apis/events.k8s.io/v1/namespaces/t7/events/acme.1f".to_owned(), false, "PATCH events"),
    ] {
        assert_eq!(kind(method, &path, watches, "t7"), named);
    }
}
