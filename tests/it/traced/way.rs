//! The text of the ways, and the words in which the journal of the simulator is told.

use serde_json::{Value, json};

pub struct Way {
    /// From 1 on.
    pub number: usize,
    pub world: String,
    pub parts: Vec<Part>,
}

/// What somebody does, what goes wrong, the requests that follow, and what is then.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub what: String,
    pub faults: Vec<String>,
    pub calls: Vec<String>,
    pub state: Vec<String>,
}

pub fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for line in include_str!("ways.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(": ").unwrap();
        let number = ways.len() + 1;
        let way = ways.last_mut();
        match (word, way) {
            ("way", _) => ways.push(Way { number, world: rest.to_owned(), parts: Vec::new() }),
            ("do", Some(way)) => way.parts.push(Part { what: rest.to_owned(), ..Part::default() }),
            (word, Some(way)) => {
                let part = way.parts.last_mut().unwrap();
                match word {
                    "fault" => part.faults.push(rest.to_owned()),
                    "call" => part.calls.push(rest.to_owned()),
                    _ => part.state.push(line.to_owned()),
                }
            }
            _ => panic!("{line}"),
        }
    }
    ways
}

impl Part {
    /// What goes wrong, as rules of the simulator.
    pub fn rules(&self) -> Vec<Value> {
        let earlier = |at: usize, kind: &str| self.faults[..at].iter().filter(|fault| fault.starts_with(kind)).count();
        let rule = |(at, fault): (usize, &String)| rule(fault, |kind| earlier(at, kind));
        self.faults.iter().enumerate().map(rule).collect()
    }
}

/// Such as `read policy 0 Refused(Forbidden)`. A rule does not see the requests that earlier rules of its kind take.
fn rule(fault: &str, earlier: impl Fn(&str) -> usize) -> Value {
    let [verb, what, nth, fate] = fault.split(' ').collect::<Vec<_>>()[..] else { panic!("{fault}") };
    let below = match what {
        "organization" => "",
        "policy" => "/session-policy",
        "features" => "/settings",
        other => panic!("{other}"),
    };
    let refuse = |status: u16| json!({"kind": "refuse", "status": status});
    let fault = match fate {
        "Refused(Unavailable)" => refuse(503),
        "Refused(Forbidden)" => refuse(403),
        "Refused(Conflict)" => refuse(409),
        "Refused(Rejected)" => refuse(400),
        "Lost" => json!({"kind": "lost_request"}),
        "ResponseLost" => json!({"kind": "lost_response"}),
        other => panic!("{other}"),
    };
    let method = if verb == "read" { "GET" } else { "PATCH" };
    json!({"method": method, "path": format!("/api/v1/organizations/org_1{below}"), "skip": nth.parse::<usize>().unwrap() - earlier(&format!("{verb} {what} ")),
        "fault": fault})
}

/// The requests about the organization, without those for the application's policy.
pub fn calls(journal: &[Value]) -> Vec<String> {
    let call = |entry: &Value| {
        let below = entry["path"].as_str().unwrap().strip_prefix("/api/v1/organizations/org_1")?;
        let body = &entry["body"];
        Some(match (entry["method"].as_str().unwrap(), below) {
            ("GET", "") => "read organization".to_owned(),
            ("GET", "/session-policy") => "read policy".to_owned(),
            ("PATCH", "/session-policy") if body["policy_source"] == "CUSTOM" => {
                let idle = match body["idle_session_timeout_enabled"] == true {
                    true => body["idle_session_timeout"].to_string(),
                    false => "off".to_owned(),
                };
                format!("write policy CUSTOM {} {idle}", body["absolute_session_timeout"])
            }
            ("PATCH", "/session-policy") => "write policy APPLICATION".to_owned(),
            ("PATCH", "/settings") => {
                let flag = |flag: &Value| format!("{}={}", flag["name"].as_str().unwrap(), flag["enabled"]);
                let flags: Vec<String> = body["features"].as_array().unwrap().iter().map(flag).collect();
                format!("write features {}", flags.join(" "))
            }
            _ => return None,
        })
    };
    journal.iter().filter_map(call).collect()
}

/// What is stored for the organization.
pub fn live(stored: &Value) -> String {
    let policy = &stored["policy"];
    let live = match policy["source"].as_str() {
        Some("CUSTOM") => {
            let idle =
                if policy["idle_enabled"] == true { policy["idle_minutes"].to_string() } else { "off".to_owned() };
            format!("CUSTOM {} {idle}", policy["absolute_minutes"])
        }
        Some("APPLICATION") => "APPLICATION".to_owned(),
        other => format!("{other:?}"),
    };
    let on = stored["features"]
        .as_array()
        .unwrap()
        .iter()
        .any(|flag| flag["name"] == "session_policy" && flag["enabled"] == true);
    format!("live: {live}, session_policy={on}")
}

#[test]
fn there_are_ways_with_faults_through_four_worlds() {
    let ways = ways();
    let mut worlds: Vec<&str> = ways.iter().map(|way| way.world.as_str()).collect();
    worlds.sort_unstable();
    worlds.dedup();
    assert_eq!((ways.len() >= 200, worlds.len()), (true, 4));
    assert!(ways.iter().flat_map(|way| &way.parts).filter(|part| !part.rules().is_empty()).count() >= 100);
}
