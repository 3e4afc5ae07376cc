//! reconcile, suspend and resume: what they change, and what comes of it.

use super::{org, osp};
use crate::world::{World, condition};
use serde_json::{Value, json};

fn manager(world: &World, name: &str, field: &str) -> Vec<String> {
    let resource = world.kubectl(&["get", "osp", name, "-o", "json", "--show-managed-fields"]);
    let resource: Value = serde_json::from_str(&resource).unwrap();
    let entries = resource["metadata"]["managedFields"].as_array().unwrap();
    let owns = entries.iter().filter(|entry| entry["fieldsV1"].to_string().contains(field));
    owns.map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect()
}

/// A world in which the next reconcile is an hour away.
async fn at_rest() -> World {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ", interval: 1h"));
    world.until("acme", "True", "InSync");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_reconcile_happens_now_and_its_outcome_is_printed() {
    let world = at_rest().await;
    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
    let said = osp(&world, &["reconcile", "acme"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("acme: Ready is True, InSync\n"), "{}", said.out);
    assert!(said.err.contains("waiting for the operator to reconcile acme, up to 60 s"), "{}", said.err);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480, "it was repaired meanwhile");
    let resource = world.resource("acme").unwrap();
    let asked = &resource["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
    assert_eq!(&resource["status"]["lastHandledReconcileAt"], asked);
    assert_eq!(manager(&world, "acme", "requestedAt"), ["flux-client-side-apply"]);

    let again = osp(&world, &["reconcile", "acme", "--wait"]);
    let later = world.resource("acme").unwrap()["status"]["lastHandledReconcileAt"].clone();
    assert!(again.code == 0 && later != *asked, "each request is one of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_reconcile_that_fails_is_no_success_though_the_resource_is_ready() {
    let world = at_rest().await;
    world.edit("org_1", &json!({"policy": {"source": "CUSTOM", "absolute_minutes": 525_600, "idle_enabled": false}}));
    let refused = json!({"method": "GET", "path": "/api/v1/organizations/org_1/session-policy", "times": "forever",
        "fault": {"kind": "refuse", "status": 503}});
    world.admin("POST", "faults", &refused);
    let said = osp(&world, &["reconcile", "acme"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("acme: this reconcile failed, ApiUnavailable\n"), "{}", said.out);
    assert!(said.out.contains("Ready is True, InSync: that is from an earlier reconcile."), "{}", said.out);
    let resource = world.resource("acme").unwrap();
    assert_eq!(condition(&resource, "Synced").unwrap()["reason"], "ApiUnavailable");
    world.admin("DELETE", "faults", &Value::Null);
    let said = osp(&world, &["reconcile", "osp/acme"]);
    assert!(said.code == 0 && said.out.starts_with("acme: Ready is True, InSync\n"), "{}{}", said.out, said.err);
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_is_too_long_for_the_status_is_said_in_full() {
    let world = at_rest().await;
    let limited = json!({"method": "GET", "path": "/api/v1/organizations/org_1/session-policy", "times": "forever",
        "fault": {"kind": "refuse", "status": 429, "headers": {"retry-after": "60"}}});
    world.admin("POST", "faults", &limited);
    let said = osp(&world, &["reconcile", "acme"]);
    assert!(said.code == 2 && said.out.starts_with("acme: this reconcile failed, RateLimited\n"), "{}", said.out);
    assert!(condition(&world.resource("acme").unwrap(), "Synced").unwrap()["message"].as_str().unwrap().ends_with('…'));
    for text in [said.out, osp(&world, &["explain", "acme"]).out] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let act = "Wait; where it lasts, raise `spec.interval` or `--rate-limit`.";
        assert!(text.contains(act) && !text.contains('…'), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_names_are_written_as_for_kubectl() {
    let world = World::without_operator(json!({})).await;
    for (name, organization) in [("acme", "org_1"), ("other", "org_2")] {
        world.apply(name, &org(organization, ", suspend: true"));
    }
    world.kubectl(&["label", "osp", "acme", "team=core"]);
    let kubeconfig = world.cluster.kubeconfig("admin");
    let run = |arguments: &[&str]| -> super::Said {
        let mut command = super::command(&world.cluster, "admin", None);
        command.args(arguments).output().unwrap().into()
    };
    let namespace = ["-n", world.namespace.as_str()];
    let names = |arguments: &[&str]| run(&[&namespace[..], arguments].concat()).lines();
    let kind = "organizationsessionpolicy.scalekit.com";
    let [acme, other] = ["acme", "other"].map(|name| format!("{kind}/{name}"));
    assert_eq!(names(&["status", "-o", "name"]), [acme.clone(), other.clone()]);
    assert_eq!(names(&["-o", "name", "status", "-l", "team=core"]).join(","), acme);
    assert_eq!(names(&["status", &other, "osp/acme", "-o=name"]), [acme.clone(), other.clone()]);
    assert_eq!(names(&["--request-timeout=5s", "status", "--all", "-oname"]), [acme, other]);
    for arguments in [["-o", "wide"], ["-o", "yaml"], ["--kubeconfig", kubeconfig.to_str().unwrap()]] {
        let said = run(&[&["status", "osp/acme"][..], &namespace, &arguments].concat());
        assert!(said.code == 2 && said.out.contains("acme") && !said.out.contains("other"), "{}{}", said.out, said.err);
    }
    let said = run(&[&["resume", "acme", "other"], &namespace[..]].concat());
    assert_eq!((said.code, said.out.matches("is resumed").count()), (0, 2), "{}{}", said.out, said.err);
    let said = run(&[&["suspend", "--all"], &namespace[..]].concat());
    assert_eq!((said.code, said.out.matches("is suspended").count()), (0, 2), "{}{}", said.out, said.err);
    let said = run(&[&["resume", "-l", "team=core"], &namespace[..]].concat());
    assert_eq!(said.out.matches("is resumed").count(), 1, "{}{}", said.out, said.err);
    let said = run(&[&["status", "--as", "limited", "--as-group", "nobody"], &namespace[..]].concat());
    assert!(said.code == 1 && said.err.contains("you may not list"), "{}", said.err);
    for wrong in
        [&["suspend"][..], &["status", "secret/acme"], &["status", "--as-group", "a"], &["explain", "a", "--all"]]
    {
        assert_eq!(run(wrong).code, 1, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_not_ready_is_exit_two() {
    let world = at_rest().await;
    world.admin("DELETE", "organizations/org_1", &Value::Null);
    let said = osp(&world, &["reconcile", "acme"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("acme: Ready is False, OrganizationNotFound\n"), "{}", said.out);
    let hint = format!("`osp explain acme -n {}` says more.\n", world.namespace);
    assert!(said.out.ends_with(&hint), "{}", said.out);
    world.until("acme", "False", "OrganizationNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_operator_the_wait_ends_in_time_and_says_what_to_check() {
    let mut world = at_rest().await;
    world.kill_operator();
    let said = osp(&world, &["reconcile", "acme", "--timeout", "1s"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("did not reconcile acme within 1 s; is it running"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_wait_only_asks() {
    let world = at_rest().await;
    let said = osp(&world, &["reconcile", "acme", "--wait=false"]);
    let asked = format!("Requested; `osp status acme -n {}` shows the status.\n", world.namespace);
    let expected = (0, asked.as_str(), "");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), expected);
    crate::cluster::eventually("the request is handled", 60, || {
        let resource = world.resource("acme")?;
        let asked = resource["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str()?;
        (resource["status"]["lastHandledReconcileAt"] == asked).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_goes_while_somebody_waits_is_reported_as_gone() {
    let mut world = at_rest().await;
    world.kill_operator();
    world.kubectl(&["delete", "osp", "acme", "--wait=false"]);
    let mut command = super::command(&world.cluster, "admin", None);
    command.args(["reconcile", "acme", "-n", &world.namespace]);
    let waiting = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let asked = || {
        let resource = world.resource("acme")?;
        resource["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str().map(|_| ())
    };
    crate::cluster::eventually("the request", 30, asked);
    world.kubectl(&["patch", "osp", "acme", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    let said: super::Said = waiting.wait_with_output().unwrap().into();
    assert_eq!((said.code, said.out.as_str()), (0, "acme is gone: its deletion is complete.\n"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_suspended_for_a_time_resumes_by_itself_and_its_spec_is_as_git_has_it() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ", suspend: false"));
    let generation = world.until("acme", "True", "InSync")["metadata"]["generation"].clone();
    let said = osp(&world, &["suspend", "acme", "--for", "8s", "--reason", "INC-42"]);
    assert!(said.code == 0 && said.out.contains("is suspended until 20"), "{}{}", said.out, said.err);
    let suspended = world.until("acme", "Unknown", "Suspended");
    assert!(condition(&suspended, "Ready").unwrap()["message"].as_str().unwrap().contains("(until 20"));
    assert_eq!(suspended["metadata"]["generation"], generation);
    let explained = osp(&world, &["explain", "acme"]).lines().join(" ");
    assert!(explained.contains("suspended until 20") && explained.contains("because: INC-42"), "{explained}");
    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
    world.until("acme", "True", "InSync");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);

    assert_eq!(osp(&world, &["suspend", "acme", "--for", "1h"]).code, 0);
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(osp(&world, &["resume", "acme"]).code, 0);
    let resumed = world.until("acme", "True", "InSync");
    assert!(resumed["metadata"]["annotations"]["scalekit.com/suspended-until"].is_null());
    world.kubectl(&["annotate", "osp", "acme", "scalekit.com/suspended-until=tomorrow"]);
    let refused = world.until("acme", "False", "InvalidSpec");
    let message = condition(&refused, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("must be a time such as 2026-11-27T18:00:00Z"), "{message}");
    let synced = condition(&refused, "Synced").unwrap()["message"].as_str().unwrap();
    assert!(synced.starts_with("the live policy of org_1 is not known"), "{synced}");
    let said = osp(&world, &["diff", "acme"]);
    assert!(said.code == 1 && said.err.contains("acme is not valid") && !said.err.contains("version"), "{}", said.err);
    assert!(osp(&world, &["status", "acme"]).out.contains("Enforce"));
    let said = osp(&world, &["resume", "acme"]);
    assert!(said.code == 0 && said.out.contains("is resumed"), "{}{}", said.out, said.err);
    world.until("acme", "True", "InSync");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_stops_the_operator_and_resuming_lets_it_go_on() {
    let world = World::new().await;
    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    let said = osp(&world, &["suspend", "acme"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let hint = format!("nothing is read or written until `osp resume acme -n {}`", world.namespace);
    assert!(said.lines().join(" ").contains(&hint), "{}", said.out);
    world.until("acme", "Unknown", "Suspended");
    assert_eq!(manager(&world, "acme", "f:suspend"), ["osp"]);
    world.edit("org_1", &json!({"policy": {"source": "APPLICATION"}}));
    let version = || world.resource("acme").unwrap()["metadata"]["resourceVersion"].clone();
    let before = version();
    assert!(osp(&world, &["suspend", "acme"]).out.contains("is suspended already"));
    assert_eq!(version(), before, "nothing is written twice");
    let annotation =
        || world.resource("acme").unwrap()["metadata"]["annotations"]["scalekit.com/suspend-reason"].clone();
    assert_eq!(osp(&world, &["suspend", "acme", "--reason", "INC-42, ask Eve"]).code, 0);
    assert_eq!(annotation(), "INC-42, ask Eve");
    assert!(osp(&world, &["explain", "acme"]).out.contains("suspended because: INC-42, ask Eve"));
    let said = osp(&world, &["reconcile", "acme"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.out.starts_with("acme: Ready is Unknown, Suspended\n"), "{}", said.out);
    assert_eq!(world.stored("org_1")["policy"]["source"], "APPLICATION", "hands off");

    let said = osp(&world, &["resume", "acme"]);
    assert!(said.code == 0 && said.out.contains("is resumed"), "{}", said.out);
    let resource = world.until("acme", "True", "InSync");
    assert!(condition(&resource, "Stalled").is_none());
    assert_eq!(resource["spec"]["suspend"], false);
    assert_eq!(annotation(), Value::Null, "the reason is over too");
    assert_eq!(world.stored("org_1")["policy"]["absolute_minutes"], 480);
    assert!(osp(&world, &["resume", "acme"]).out.contains("is not suspended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_delivers_from_git_may_win_and_is_named() {
    let world = at_rest().await;
    let tracked = "argocd.argoproj.io/tracking-id=apps:scalekit.com/OrganizationSessionPolicy:a/acme";
    world.kubectl(&["annotate", "osp", "acme", tracked]);
    let said = osp(&world, &["suspend", "acme"]).lines().join(" ");
    let named = "Argo CD (Application apps) delivers it: where Git declares spec.suspend, that wins at its next sync.";
    assert!(said.ends_with(named), "{said}");
    let said = osp(&world, &["explain", "acme"]).lines().join(" ");
    assert!(said.contains("delivered by Argo CD (Application apps)"), "{said}");
}
