//! status, diff and explain of resources in real states.

use super::{Said, command, customers, org, osp};
use crate::{cluster::eventually, world::World};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A text with its line breaks undone.
fn flat(said: &Said) -> String {
    said.lines().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_the_problems_first_and_says_so_with_its_exit() {
    let world = customers().await;
    let said = osp(&world, &["status"]);
    let lines = said.lines();
    assert_eq!(lines[0], "NAME ORGANIZATION MODE READY SYNCED EFFECTIVE DRIFT AGE");
    let without_age = |line: &str| line.rsplit_once(' ').unwrap().0.to_owned();
    let drift = "absolute 10h, not 8h; idle 30m, not 1h";
    assert_eq!(
        lines[1..8].iter().map(|line| without_age(line)).collect::<Vec<_>>(),
        [
            "acme-copy org_1 Enforce False Conflict Unknown".to_owned(),
            "keyless org_3 Enforce False CredentialsMissing Unknown".to_owned(),
            "leaving org_5 Enforce False CredentialsMissing Unknown 8h / 1h".to_owned(),
            "asleep org_3 Enforce Unknown Suspended Unknown".to_owned(),
            "loose org_4 Enforce True InSync True 7d (app) / none".to_owned(),
            format!("watched org_2 Observe True Observing False 10h / 30m {drift}"),
            "acme org_1 Enforce True InSync True 8h / 1h".to_owned(),
        ],
        "{}",
        said.out
    );
    assert_eq!((said.code, said.err.as_str()), (2, ""));
    let hint = format!("`osp explain acme-copy -n {}` says why, and what to do.\n", world.namespace);
    assert!(said.out.ends_with(&hint), "{}", said.out);

    let one = osp(&world, &["status", "acme"]);
    assert_eq!((one.code, one.lines().len()), (0, 4), "with a blank line and one about the operator: {}", one.out);
    assert_eq!(osp(&world, &["status", "asleep"]).code, 2);
    assert_eq!(osp(&world, &["status", "loose"]).code, 0, "it is Ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_the_same_as_json() {
    let world = customers().await;
    let said = osp(&world, &["status", "-o", "json"]);
    let list = said.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!((said.code, items.len()), (2, 7));
    let watched = items.iter().find(|item| item["name"] == "watched").unwrap();
    assert_eq!(watched["ready"]["reason"], "Observing");
    assert_eq!(watched["drift"][0], json!({"field": "absoluteSessionTimeout", "declared": "8h", "live": "10h"}));
    let limits = |absolute: u32, idle: u32| {
        json!({"policySource": "CUSTOM", "absoluteSessionTimeout": absolute, "idleSessionTimeoutEnabled": true,
            "idleSessionTimeout": idle})
    };
    assert_eq!([&watched["declared"], &watched["live"]], [&limits(480, 60), &limits(600, 30)]);
    assert_eq!(watched["effective"]["absolute"], json!({"minutes": 600, "from": "organization"}));

    let said = osp(&world, &["diff", "watched", "-o", "json"]);
    let expected = json!([
        {"field": "absoluteSessionTimeout", "declared": "8h", "live": "10h", "stricter": "declared"},
        {"field": "idleSessionTimeout", "declared": "1h", "live": "30m", "stricter": "live"},
    ]);
    let compared = said.json();
    assert_eq!((said.code, &compared["drift"], &compared["synced"]), (2, &expected, &json!("False")));
    assert_eq!([&compared["declared"], &compared["live"]], [&limits(480, 60), &limits(600, 30)]);
    let sides = ["declared", "live"].map(|side| compared["effective"][side].as_str().unwrap());
    assert_eq!(sides, ["8h (organization) / 1h (organization)", "10h (organization) / 30m (organization)"]);
    assert_eq!(compared["source"], "status");
    assert!(compared["asOf"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{compared}");
    assert_eq!(osp(&world, &["diff", "acme", "-o", "json"]).json()["drift"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_shown_with_the_stricter_side_and_what_comes_of_it() {
    let world = customers().await;
    let said = osp(&world, &["diff", "watched"]);
    let lines = said.lines();
    let effective = "8h (organization) / 1h (organization)";
    assert_eq!(
        lines[..4],
        [
            "~ watched (org_2, Observe): live → declared (mixed)".to_owned(),
            "absoluteSessionTimeout 10h → 8h (tightening)".to_owned(),
            "idleSessionTimeout 30m → 1h (loosening)".to_owned(),
            format!("effective 10h (organization) / 30m (organization) → {effective}"),
        ]
    );
    assert!(lines[4].starts_with("live as of the operator's last report of a change, age "), "{}", said.out);
    assert_eq!(lines[5..], ["", "Observe: this is reported, and nothing is written."]);
    assert_eq!(said.code, 2);
    let said = osp(&world, &["diff", "acme"]);
    let lines = said.lines();
    assert_eq!(lines[..2], ["= acme (org_1, Enforce): as declared".to_owned(), format!("effective {effective}")]);
    assert_eq!((said.code, lines.last().unwrap().as_str()), (0, "Nothing differs."));
    let said = osp(&world, &["diff", "loose"]);
    assert!(said.code == 0 && flat(&said).contains("effective 7d (application) / none live"), "{}", said.out);
    let said = osp(&world, &["diff", "keyless"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("has not been read yet (CredentialsMissing)"), "{}", said.err);
    let said = osp(&world, &["diff", "leaving"]);
    let held =
        "It differs because of CredentialsMissing: The Secret, or the operator's own credentials, are not there.";
    assert!(said.code == 2 && flat(&said).contains(held), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_with_a_policy_is_listed_also_when_it_is_gone() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    let longer = json!({"source": "CUSTOM", "absolute_minutes": 600, "idle_enabled": true, "idle_minutes": 60});
    world.edit("org_1", &json!({"policy": longer}));
    world.kubectl(&["annotate", "osp", "acme", "reconcile.fluxcd.io/requestedAt=1"]);
    let listed = |reasons: &[&str]| {
        eventually("the events", 60, || {
            let said = osp(&world, &["history", "acme"]);
            let lines = said.lines();
            let found = |reason: &&str| lines.iter().any(|line| line.split(' ').nth(1) == Some(*reason));
            (said.code == 0 && reasons.iter().all(found)).then_some(lines)
        })
    };
    let lines = listed(&["PolicyApplied", "InSync", "DriftCorrected"]);
    assert_eq!(lines[0], "AGE REASON MESSAGE");
    let corrected = lines.iter().find(|line| line.contains("DriftCorrected")).unwrap();
    assert!(corrected.ends_with("was absolute 10h, idle 1h; is absolute 8h, idle 1h"), "{lines:?}");
    let place = |reason: &str| lines.iter().position(|line| line.contains(reason));
    assert!(place("PolicyApplied") < place("DriftCorrected"), "the oldest is the first: {lines:?}");
    world.kubectl(&["delete", "osp", "acme"]);
    listed(&["DriftCorrected", "Reverted"]);
    let none = osp(&world, &["history", "nobody"]);
    assert!(
        none.code == 0 && none.out.is_empty() && none.err.starts_with("there are no events of nobody"),
        "{}",
        none.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_log_tells_what_was_written_and_how_it_ended_longer_than_events_do() {
    let mut world = World::without_operator(json!({})).await;
    world.arguments.extend(["--log-format", "json"]);
    world.start_operator();
    world.apply("acme", &org("org_1", ""));
    world.apply("other", &org("org_2", ""));
    world.until("acme", "True", "InSync");
    world.until("other", "True", "InSync");
    world.kubectl(&["delete", "events.events.k8s.io", "--all"]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{}.log", world.namespace));
    let log = |text: &str| {
        fs::write(&file, text).unwrap();
        osp(&world, &["history", "acme", "--log", file.to_str().unwrap()])
    };
    let prefixed: String = world.log().lines().map(|line| format!("[pod/operator-0/operator] {line}\n")).collect();
    for text in [world.log(), prefixed] {
        let said = log(&text);
        let lines = said.lines();
        let writes: Vec<&String> = lines.iter().filter(|line| line.contains(" wrote ")).collect();
        assert!(said.code == 0 && writes.len() == 2, "{}{}", said.out, said.err);
        assert!(
            writes[0].contains("wrote features was session_policy=off; applied: session_policy=on; neutral, request ")
        );
        let policy = "wrote policy was the application's policy; applied: absolute 8h, idle 1h; tightening, request ";
        assert!(writes[1].contains(policy), "{}", writes[1]);
    }
    let said = log("2026 INFO wrote to Scalekit\n");
    assert!(said.err.contains("no line of it is of an operator's log"), "{}", said.err);
    fs::remove_file(&file).unwrap();
    let said = osp(&world, &["history", "acme", "--log", file.to_str().unwrap()]);
    assert!(said.code == 1 && said.err.contains("can't be read: No such file"), "{}", said.err);
}

/// The status keeps what the operator found before it was stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_read_from_scalekit_if_there_are_credentials() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.kill_operator();
    let longer = json!({"source": "CUSTOM", "absolute_minutes": 600, "idle_enabled": true, "idle_minutes": 60});
    world.edit("org_1", &json!({"policy": longer}));
    let before = world.writes();
    let said = osp(&world, &["diff", "acme"]);
    assert!(said.code == 0 && flat(&said).contains("live as of the operator's last report"), "{}", said.out);

    let with = |url: &str, arguments: &[&str]| -> Said {
        let mut command = command(&world.cluster, "admin", None);
        command.args(["diff", "acme", "-n", &world.namespace, "--allow-http"]).args(arguments);
        command.envs(crate::world::default_credentials(url)).output().unwrap().into()
    };
    let url = world.simulator.base_url();
    let host = url.trim_start_matches("http://");
    let said = with(&url, &[]);
    let text = flat(&said);
    assert!(
        said.code == 2 && text.contains("absoluteSessionTimeout 10h → 8h (tightening)"),
        "{}{}",
        said.out,
        said.err
    );
    assert!(text.contains(&format!("live as of now, read from {host}")), "{}", said.out);
    let read = with(&url, &["-o", "json"]).json();
    assert_eq!((&read["source"], &read["live"]["absoluteSessionTimeout"]), (&json!("scalekit"), &json!(600)));
    assert_eq!(world.writes(), before, "it only reads");

    // other credentials, and none that work
    let other = World::scalekit(json!({})).await;
    let said = with(&other.base_url(), &[]);
    assert!(
        said.code == 0 && said.err.contains(&format!("it is in {host}, and the credentials are for")),
        "{}",
        said.err
    );
    world.admin(
        "POST",
        "faults",
        &json!({"path": "/api/v1/**", "times": "forever", "fault": {"kind": "refuse", "status": 403}}),
    );
    let said = with(&url, &[]);
    assert!(
        said.code == 0 && said.err.starts_with("warning: acme is shown as the operator reported it"),
        "{}",
        said.err
    );
    assert!(said.err.contains("Scalekit answered 403") && !said.err.contains("Secret"), "{}", said.err);

    // what the operator never read is not shown either
    world.apply("lost", &org("org_99", ""));
    let said = with(&url, &["lost"]);
    assert!(said.err.contains("error: the live policy of lost has not been read yet"), "{}", said.err);
    assert!(!said.err.contains("lost is shown"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_not_reconciled_yet_is_never_called_healthy() {
    let mut world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.kill_operator();
    world.apply("acme", &org("org_1", ", mode: TightenOnly").replace("Timeout: 8", "Timeout: 2"));
    let said = osp(&world, &["diff", "acme"]);
    assert!(said.code == 2 && flat(&said).contains("has not reconciled this version of the spec yet"), "{}", said.out);
    assert!(flat(&said).ends_with("only what makes it stricter is written: absolute 2h, idle 1h."), "{}", said.out);
    let said = osp(&world, &["status", "acme"]);
    assert!(said.code == 2 && said.out.contains("Unknown NotChecked"), "{}", said.out);
    let said = osp(&world, &["explain", "acme"]);
    assert!(said.code == 2 && flat(&said).contains("may be of an earlier one. Wait."), "{}", said.out);
}

fn explained(world: &World, name: &str, code: i32, sentences: &[&str]) -> String {
    let said = osp(world, &["explain", name]);
    let text = flat(&said);
    for sentence in sentences {
        assert!(text.contains(sentence), "{name}: no {sentence:?} in\n{}", said.out);
    }
    assert_eq!((said.code, said.err.as_str()), (code, ""), "{}", said.out);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_is_explained_with_what_to_do() {
    let world = customers().await;
    let applies = "Effective absolute 8h: the organization's; it is stricter than the 7d of the application \
                   idle 1h: the organization's; the application sets none";
    let text = explained(
        &world,
        "acme",
        0,
        &[
            "acme is Ready: InSync",
            "Declared absolute 8h, idle 1h mode Enforce: the operator makes it so",
            "Live absolute 8h, idle 1h",
            "Application absolute 7d, idle none; access tokens live 5m",
            applies,
            "Next reconcile within 2 seconds (the operator's interval), and when the spec changes",
        ],
    );
    assert!(!text.contains("Means"), "{text}");

    let said_once = |text: &str| assert!(!text.contains("Means") && !text.contains(" Do "), "{text}");
    let owner = format!("Owner acme in namespace {}", world.namespace);
    said_once(&explained(
        &world,
        "acme-copy",
        2,
        &[
            "acme-copy is not Ready: Conflict",
            "Conflict for",
            "Ready is False, Synced is Unknown, Stalled is True",
            "Another resource owns this organization (the resource acme has the earlier claim). Delete one of the two; \
             the younger one takes over when the older one goes.",
            &owner,
        ],
    ));
    let means = "absoluteSessionTimeout is 10h instead of 8h; idleSessionTimeout is 30m instead of 1h Means The \
                 live policy is not the declared one; `status.drift` lists the fields. Do In mode Observe: change the spec,";
    explained(&world, "watched", 0, &["watched is Ready: Observing", "Live absolute 10h, idle 30m", means]);
    let asleep = ["asleep may or may not be Ready: Suspended", "Next reconcile none before `osp resume asleep -n t"];
    explained(&world, "asleep", 2, &asleep);
    let keyless = [
        "CredentialsMissing for",
        "Live not read yet",
        "The Secret, or the operator's own credentials, are not there (",
        "scalekit-new",
        ". Create the Secret that the message names",
        "Next reconcile within a minute",
    ];
    let text = explained(&world, "keyless", 2, &keyless);
    assert!(!text.contains("NotChecked"), "it says nothing of its own: {text}");
    explained(
        &world,
        "loose",
        0,
        &[
            "loose is Ready: InSync",
            "Effective absolute 7d: the application's; it is stricter than the 14d of the organization",
            "LooserThanApplication for",
            "Do Shorten the declared value, or lengthen the application's in Scalekit's dashboard.",
        ],
    );
    let release: Value = world.resource("leaving").unwrap()["status"]["release"]["at"].clone();
    let at: jiff::Timestamp = release.as_str().unwrap().parse().unwrap();
    let at = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let leaving = [
        "leaving is not Ready: CredentialsMissing, being deleted for",
        "Deletion first the organization is set back to inherit the application's policy",
        &at,
        "the resource goes all the same, and its policy stays in Scalekit",
        "spec.deletionPolicy: Retain lets it go at once",
    ];
    explained(&world, "leaving", 2, &leaving);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_elsewhere_is_named_to_whom_may_list_there_and_to_nobody_else() {
    let scalekit = World::scalekit(json!({})).await;
    let owner = World::on(crate::cluster::cluster(), scalekit.clone());
    let mut conflicted = World::on(crate::cluster::cluster(), scalekit);
    conflicted.arguments = vec!["--watch-namespace", owner.namespace.clone().leak()];
    owner.apply("the-owner", &org("org_1", ""));
    conflicted.apply_younger("acme", &org("org_1", ""), (&owner, "the-owner"));
    conflicted.start_operator();
    conflicted.until("acme", "False", "Conflict");
    owner.until("the-owner", "True", "InSync");
    explained(&conflicted, "acme", 2, &[&format!("Owner the-owner in namespace {}", owner.namespace)]);

    let namespace = &conflicted.namespace;
    let rights = ["--verb=get,list", "--resource=organizationsessionpolicies.scalekit.com"];
    conflicted.kubectl(&[&["create", "role", "reader"], &rights[..]].concat());
    conflicted.kubectl(&["create", "rolebinding", "reader", "--role=reader", "--user=limited"]);
    let mut limited = command(&conflicted.cluster, "limited", None);
    let said: Said = limited.args(["explain", "acme", "-n", namespace]).output().unwrap().into();
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.out.contains("a resource in another namespace has the earlier claim"), "{}", said.out);
    assert!(!said.out.contains("the-owner") && !said.out.contains("Owner"), "{}", said.out);
}
