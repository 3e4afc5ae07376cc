//! Ways through the explored worlds that others can drive from outside: what somebody does while all is at rest, at
//! most two requests that go wrong, the requests to Scalekit that follow, and how it comes to rest again. They are
//! written to `tests/it/traced/ways.txt`, where the real operator is driven along each of them.

use super::{
    place::{Move, Place},
    scenes::{Fate, SCENES, Side},
    search::Model,
    worlds::{EACH_COMMIT, Worlds},
};
use crate::policy::{Idle, Live};
use crate::reconcile::{ErrorKind, RemoteRequest, Request, Step, tests::reach::place};
use fastrand::Rng;
use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
    time::Duration,
};

/// The worlds that a test can make outside, and how many ways through all of them are kept.
const WORLDS: [&str; 4] = ["edits, drift and deletion", "modes", "what was there before is restored", TWO];
const KEPT: usize = 220;
/// The simulator stores no policy that it does not know.
const WITHOUT: &str = "the live policy has an unknown source";
/// What is waited for at rest; longer ones are intervals.
const SOON: Duration = Duration::from_secs(30);
/// Before each thing that somebody does so much time has passed that no claim counts as just confirmed; from then on
/// to rest less than that passes. So it is the same outside, where the waits are of other lengths.
const LATER: Duration = Duration::from_secs(31);
/// Here it is not known outside which of the two sends the first read.
const TWO: &str = "two resources of one organization";
/// Each has a counterpart in the simulator.
const FATES: [Fate; 6] = [
    Fate::Refused(ErrorKind::Unavailable),
    Fate::Refused(ErrorKind::Forbidden),
    Fate::Refused(ErrorKind::Conflict),
    Fate::Refused(ErrorKind::Rejected),
    Fate::Lost,
    Fate::ResponseLost,
];

/// A way, and each part of it by what happened and which steps followed.
struct Way {
    text: String,
    parts: Vec<String>,
}

fn policy(live: Live) -> String {
    match live {
        Live::Application => "APPLICATION".into(),
        Live::Custom { absolute: Some(absolute), idle: Idle::On(Some(idle)) } => {
            format!("CUSTOM {} {}", absolute.get(), idle.get())
        }
        Live::Custom { absolute: Some(absolute), .. } => format!("CUSTOM {} off", absolute.get()),
        live => format!("{live:?}"),
    }
}

/// The request in words that the journal of the simulator can be told in too. The application's policy is most often
/// in a cache, so reads of it are left out.
fn call(step: &Step) -> Option<String> {
    let Step::Request(Request::Remote(request)) = step else { return None };
    match request {
        RemoteRequest::ReadApplicationPolicy(_) | RemoteRequest::LookUp(_) => None,
        RemoteRequest::ReadOrganization(_) => Some("read organization".into()),
        RemoteRequest::ReadPolicy(_) => Some("read policy".into()),
        RemoteRequest::WritePolicy { policy: written, .. } => {
            Some(format!("write policy {}", policy((*written).into())))
        }
        RemoteRequest::WriteFeatures { features, .. } => {
            let all: Vec<String> = features.iter().map(|f| format!("{}={}", f.name, f.enabled)).collect();
            Some(format!("write features {}", all.join(" ")))
        }
    }
}

/// A server that answers a write with 503 may have carried it out; that it has not is only known without an answer.
fn has_counterpart(fate: Fate, step: &Step) -> bool {
    let writes = matches!(step, Step::Request(Request::Remote(request)) if request.writes());
    fate.fits(step) && !(writes && fate == Fate::Refused(ErrorKind::Unavailable))
}

/// The kind of a request, by which a fault finds it.
fn kind(call: &str) -> String {
    call.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn state(world: &Place) -> String {
    let mut text = String::new();
    for object in &world.world.cluster.objects {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        let said =
            |c: &crate::reconcile::Condition| format!("{} {} {}", c.type_.name(), c.status.name(), c.reason.name());
        let mut said: Vec<String> = conditions.map(said).collect();
        said.sort();
        writeln!(text, "resource {}: {}", object.uid, said.join(", ")).unwrap();
    }
    let tenant = world.world.scalekit.organizations.values().next().unwrap();
    writeln!(text, "live: {}, session_policy={}", policy(tenant.live), tenant.session_policy_on()).unwrap();
    text
}

fn declared(at: &Place) -> String {
    at.world.cluster.objects.iter().map(|o| format!("{:?} {:?} {}", o.spec, o.deleting_since, o.foreign)).collect()
}

/// Lets it go on until it is at rest, with a fault now and then. `None`: it does not come to rest soon.
fn to_rest(at: &mut Place, random: &mut Rng, steps: &mut Vec<String>) -> Option<String> {
    let (mut text, mut calls, mut seen) = (String::new(), String::new(), BTreeMap::<String, u32>::new());
    let begun = at.world.now;
    let troubled = random.bool();
    for _ in 0..200 {
        let mut moves = Vec::new();
        at.moves(&mut moves);
        if let Some(running) = &at.side.running {
            let step = running.step.clone();
            steps.push(place(&step));
            let mut fate = Fate::Fine;
            if let Some(call) = call(&step) {
                let nth = seen.entry(kind(&call)).or_default();
                let chosen = FATES[random.usize(..FATES.len())];
                if troubled && at.faults > 0 && has_counterpart(chosen, &step) && random.u32(..3) == 0 {
                    fate = chosen;
                    writeln!(text, "fault: {} {nth} {chosen:?}", kind(&call)).unwrap();
                    steps.push(format!("{chosen:?}"));
                }
                *nth += 1;
                writeln!(calls, "call: {call}").unwrap();
            }
            at.make(Move::Go(0, fate)).unwrap();
        } else if let Some(begin) = moves.iter().find(|made| matches!(made, Move::Begin(..))) {
            at.make(*begin).unwrap();
        } else {
            let Some(wait) = at.next_time().filter(|wait| *wait <= SOON) else {
                at.rest()?.ok()?;
                return Some(text + &calls + &state(at));
            };
            if at.at(wait).duration_since(begun) >= SignedDuration::try_from(SOON).unwrap() {
                return None;
            }
            at.make(Move::Tick).unwrap();
        }
    }
    None
}

/// Somebody asks for a reconcile of all resources.
fn request(at: &mut Place) {
    let when = at.world.now.to_string();
    at.watching(|place| {
        for object in &mut place.world.cluster.objects {
            (object.requested_at, object.version) = (Some(when.clone()), object.version + 1);
        }
    });
}

fn way(name: &str, worlds: &Worlds, random: &mut Rng) -> Option<Way> {
    let scene = SCENES.iter().find(|scene| scene.name == name).unwrap();
    let mut at = Place::new(scene, worlds.get(name).unwrap());
    (at.changes, at.faults) = (at.changes + 4, at.faults * 2);
    at.world.watch.serves = true; // as that of the real operator
    let (mut way, mut steps) = (Way { text: format!("way: {name}\n"), parts: Vec::new() }, Vec::new());
    let rest = to_rest(&mut at, random, &mut steps)?;
    write!(way.text, "do: start\n{rest}").unwrap();
    for _ in 0..random.usize(1..=3) {
        let may = |(n, change): &(usize, &super::scenes::Change)| {
            at.used[*n] < change.times && change.name != WITHOUT && (change.applies)(&at.world)
        };
        let possible: Vec<usize> = scene.changes.iter().enumerate().filter(may).map(|(n, _)| n).collect();
        let Some(chosen) = random.choice(&possible) else { break };
        let change = &scene.changes[*chosen];
        at.advance(LATER);
        let before = declared(&at);
        at.make(Move::Others(u8::try_from(*chosen).unwrap())).unwrap();
        if change.side == Side::Cluster && declared(&at) == before {
            return None; // a real API server makes no new generation of it
        }
        let mut steps = vec![change.name.to_owned()];
        if change.side == Side::Scalekit {
            request(&mut at); // what others do there is seen by the next reconcile
        }
        let rest = to_rest(&mut at, random, &mut steps)?;
        write!(way.text, "do: {}\n{rest}", change.name).unwrap();
        way.parts.push(steps.join(" "));
    }
    way.text.push('\n');
    Some(way)
}

/// Whether a read goes wrong while there are two resources: outside it may be the other one's.
fn depends_on_who_is_first(way: &str) -> bool {
    let parts = way.split("\ndo: ").skip(1);
    way.starts_with(&format!("way: {TWO}\n"))
        && parts.skip_while(|part| !part.contains("resource 2:")).any(|part| part.contains("\nfault: read "))
}

/// Ways that each have a part which no earlier one has.
fn ways() -> String {
    let (worlds, mut random, mut seen) = (Worlds::read(EACH_COMMIT), Rng::with_seed(15), BTreeSet::new());
    let mut text = String::from(
        "# Written by `UPDATE=1 cargo test --lib explorer::ways`; see src/reconcile/tests/explorer/ways.rs.\n\n",
    );
    let mut kept = 0;
    for tried in 0..200_000 {
        let Some(way) = way(WORLDS[tried % WORLDS.len()], &worlds, &mut random) else { continue };
        if depends_on_who_is_first(&way.text) {
            continue;
        }
        let before = seen.len();
        seen.extend(way.parts);
        if seen.len() > before {
            text += &way.text;
            kept += 1;
        }
        if kept == KEPT {
            return text;
        }
    }
    panic!("only {kept} ways differ");
}

#[test]
fn the_ways_that_the_real_operator_is_driven_along_are_those_of_the_explorer() {
    let path = Path::new(file!()).ancestors().nth(5).unwrap().join("tests/it/traced/ways.txt");
    let ways = ways();
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(path, ways).unwrap();
    } else {
        assert!(std::fs::read_to_string(path).unwrap() == ways, "UPDATE=1 writes them anew");
    }
}
