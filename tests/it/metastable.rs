//! After minutes in which Scalekit has answered nothing but 503 and 429, the operator works as fast as the limit allows:
//! what was tried in vain is not tried again and again, and no pause outlasts its cause for long.

use crate::{
    cluster::{eventually, within},
    failures::crowd::Crowd,
    figures::{publish, today},
    world::World,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const RESOURCES: u64 = 1000;
/// Requests per second that Scalekit allows, and for which the operator is configured.
const LIMIT: u64 = 20;
/// The longest pause between two probes of an outage; a 429 asks for less here.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For so long the requests are counted after twice that pause.
const COUNTED: Duration = Duration::from_secs(20);

/// The requests to the API since `from`: when, and whether they were carried out.
fn sent(world: &World, from: Timestamp) -> Vec<(Timestamp, bool)> {
    let journal = world.admin("GET", "journal", &Value::Null);
    let api = journal.as_array().unwrap().iter().filter(|entry| entry["path"].as_str().unwrap().starts_with("/api/"));
    let sent = api.map(|entry| (entry["at"].as_str().unwrap().parse().unwrap(), entry["status"] == 200));
    sent.filter(|(at, _)| *at >= from).collect()
}

fn after(from: Timestamp, time: Duration) -> Timestamp {
    from.checked_add(SignedDuration::try_from(time).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make metastability`: takes ten minutes, and writes docs/proof.md"]
async fn a_thousand_edits_in_an_outage() {
    let seconds = std::env::var("SECONDS_DOWN").map_or(300, |seconds| seconds.parse().unwrap());
    let (mut world, crowd) = (World::without_operator(json!({})).await, Crowd(RESOURCES));
    crowd.arrive(&world, None);
    world.arguments = vec!["--resync-interval", "1h"];
    world.start_operator();
    crowd.until(&world, "True", "InSync");
    assert!(world.stop_operator(60));
    world.admin("PATCH", "settings", &json!({"rate_limit": {"per_second": LIMIT, "burst": LIMIT}}));
    world.arguments.extend(["--rate-limit", "20"]);
    world.start_operator();
    eventually("it leads", 60, || world.log().matches("this operator leads").nth(1).map(drop));

    let begun = Timestamp::now();
    let refused = |status: u16| json!({"kind": "refuse", "status": status, "headers": {"retry-after": "5"}});
    for (nth, status) in [(1, 503), (2, 429)] {
        let fault = if status == 429 { refused(status) } else { json!({"kind": "refuse", "status": status}) };
        world.admin("DELETE", "faults", &Value::Null);
        world.admin("POST", "faults", &json!({"path": "/api/**", "times": "forever", "fault": fault}));
        if status == 503 {
            crowd.declare(&world, None, 240);
        }
        let until = after(begun, Duration::from_secs(seconds * nth / 2));
        eventually("its end", seconds, || (Timestamp::now() >= until).then_some(()));
    }
    // what is under way at its begin, and between the two faults, gets through
    let (through, in_vain): (Vec<_>, Vec<_>) =
        sent(&world, begun).into_iter().partition(|(_, carried_out)| *carried_out);
    assert!(in_vain.len() > 5 && through.len() < 100, "there is an outage: {} got through", through.len());
    let in_vain = in_vain.len();
    world.admin("DELETE", "faults", &Value::Null);
    let over = Timestamp::now();

    let tighter = |(_, body): &(String, Value)| body["absolute_session_timeout"] == 240;
    let done = within(900, || {
        (world.writes().iter().filter(|write| tighter(write)).count() as u64 >= RESOURCES).then(Timestamp::now)
    });
    crowd.until(&world, "True", "InSync");
    let done = done.expect("all are written");
    let sent = sent(&world, begun);
    let from = after(over, LONGEST_PAUSE * 2);
    assert!(done > after(from, COUNTED), "there is too little to do");
    let carried_out = sent.iter().filter(|(_, carried_out)| *carried_out).count();
    let counted = sent.iter().filter(|(at, ok)| *ok && *at >= from && *at < after(from, COUNTED)).count();
    let goodput = counted as f64 / (LIMIT * COUNTED.as_secs()) as f64;
    let amplification = sent.len() as f64 / carried_out as f64;
    let took = done.duration_since(over).as_secs();
    let figures = format!(
        "{}.\n\n| resources edited | seconds of 503 and 429 | requests in them | of the limit used after twice the longest pause | \
         seconds until all are written | requests for each that was carried out |\n|---|---|---|---|---|---|\n\
         | {RESOURCES} | {seconds} | {in_vain} | {:.0} % | {took} | {amplification:.3} |",
        today(),
        goodput * 100.0
    );
    println!("{figures}");
    assert!(goodput >= 0.9 && amplification <= 1.1);
    if seconds == 300 {
        publish("docs/proof.md", "outage", "metastability", &figures);
    }
}
