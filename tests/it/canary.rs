//! What must be nowhere that people or machines read: the client secret, tokens, and what a credential plugin is given,
//! in any form in which they could get there. The parts that tests share look for it in all that the operators log, in
//! the objects that tests read, and in the output of `osp`, so that each run of theirs is a search too.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::sync::OnceLock;

/// The client secrets of the simulator, the part that all its tokens have in common, the password that credential
/// plugins get, and a client secret that looks different in each form.
pub const SECRETS: [&str; 5] = ["test_simulator", "simulated-", "hunter2", crate::osp_plan::SECRET, PECULIAR];

/// It has what JSON and URLs escape.
pub const PECULIAR: &str = r#"pec"uliar\cli+ent/sec&ret%"#;

/// What URLs escape; some writers escape more.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// In Base64 a text looks different after 0, 1 and 2 other bytes; the digits that depend on what is around it are left
/// out.
fn in_base64(secret: &str) -> impl Iterator<Item = String> {
    (0..3).map(move |before| {
        let bytes = [&[0; 3][..before], secret.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        BASE64_STANDARD_NO_PAD.encode(bytes)[from..to].to_owned()
    })
}

/// The forms in which a secret can be written.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let [url, every] = [UNRESERVED, NON_ALPHANUMERIC].map(|set| utf8_percent_encode(secret, set).to_string());
    let mut forms = vec![secret.to_owned(), json, url, every];
    for digits in in_base64(secret) {
        forms.push(digits.replace('+', "-").replace('/', "_"));
        forms.push(digits);
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The first secret that is in `text`, and the form in which it is there.
pub fn find(text: &str) -> Option<(&'static str, String)> {
    static FORMS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let all =
        FORMS.get_or_init(|| SECRETS.iter().flat_map(|one| forms(one).into_iter().map(|form| (*one, form))).collect());
    all.iter().find(|(_, form)| text.contains(form.as_str())).cloned()
}

/// Fails if there is one in `text`, which is `what`.
#[track_caller]
pub fn assert_none(what: &str, text: &str) {
    if let Some((secret, form)) = find(text) {
        let at = text.find(&form).unwrap_or_default();
        let from = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line: String = text[from..].lines().next().unwrap_or_default().chars().take(2000).collect();
        panic!("{secret} is in {what}, as {form}: {line}");
    }
}

/// The texts in `value`, and the names of its fields.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => *into += &format!("{text}\n"),
        Value::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            *into += &format!("{name}\n");
            texts(field, into);
        }),
        _ => {}
    }
}

/// Fails if there is one in an object of the API server, if that is no Secret.
#[track_caller]
pub fn assert_none_in(object: &Value) {
    if object["kind"] != "Secret" {
        let mut text = String::new();
        texts(object, &mut text);
        assert_none(&format!("{} {}", object["kind"], object["metadata"]["name"]), &text);
    }
}

mod tests {
    use super::*;
    use crate::{
        cluster::eventually,
        failures::always,
        world::{EIGHT_HOURS, World, scalekit},
    };
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use serde_json::json;
    use session_policy_operator::simulator::{Config, Simulator};
    use std::{
        io::{Read, Write},
        net::TcpStream,
        sync::Arc,
    };

    #[test]
    fn a_secret_is_found_in_each_form_and_what_is_none_is_not() {
        for secret in SECRETS {
            for before in ["", "a", "ab", "abc"] {
                for after in ["", "a", "ab", "abc"] {
                    let text = format!("{before}{secret}{after}");
                    let url = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
                    let (standard, safe) = (BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text));
                    for form in [json!(text).to_string(), url, standard, safe, text] {
                        assert_eq!(find(&form).map(|found| found.0), Some(secret), "{form}");
                    }
                }
            }
            assert_eq!(find(&secret[..secret.len() - 1]), None);
        }
        assert_eq!(find("SCALEKIT_CLIENT_SECRET is [redacted], of skc_simulator"), None);
    }

    /// An operator whose kubeconfig has a credential plugin, with a client secret that looks different in each form;
    /// Scalekit gives back what it was sent.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_secret_is_in_the_log_at_trace_level_nor_in_any_object_nor_in_the_metrics() {
        let config = Config { client_secret: PECULIAR.to_owned(), ..scalekit() };
        let mut world = World::on(crate::cluster::cluster(), Arc::new(Simulator::start(config).await.unwrap()));
        let folder = crate::osp::Folder::new();
        let kubeconfig = std::fs::read_to_string(world.cluster.kubeconfig("operator")).unwrap();
        let (before, rest) = kubeconfig.split_once("token: \"").unwrap();
        let (token, after) = rest.split_once('"').unwrap();
        let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": {"token": token}});
        let plugin = json!({"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
            "args": ["-c", format!("echo '{credential}'")], "env": [{"name": "PASSWORD", "value": "hunter2"}]});
        folder.write("kubeconfig", format!("{before}exec: {plugin}{after}"));
        world.kubeconfig = Some(folder.path().join("kubeconfig"));
        world.arguments = vec!["--revert-delay", "0s"];
        world.apply_secret("scalekit", PECULIAR);
        world.start_with(&[("RUST_LOG", "trace")]);
        let spec =
            format!("organization: {{id: org_1}}, credentialsSecretRef: {{name: scalekit}}, policy: {EIGHT_HOURS}");
        world.apply("acme", &format!("{{{spec}}}"));
        world.until("acme", "True", "InSync");
        let again = |when: &str| {
            let requested = format!("reconcile.fluxcd.io/requestedAt={when}");
            world.kubectl(&["annotate", "osp", "acme", "--overwrite", &requested]);
        };
        let echo = |status: u16| json!({"kind": "refuse", "status": status, "body": "echo"});
        for path in ["/api/v1/organizations/org_1", "/api/v1/organizations/org_1/session-policy"] {
            world.admin("POST", "faults", &always("GET", path, echo(403)));
            world.until("acme", "False", "Forbidden"); // it is read every two seconds
            world.admin("DELETE", "faults", &Value::Null);
            again(&format!("after {path}"));
            world.until("acme", "True", "InSync");
        }
        world.admin("POST", "faults", &always("POST", "/oauth/token", echo(401)));
        world.apply_secret("scalekit", &PECULIAR.replace("ent", "ENT"));
        again("with another Secret");
        world.until("acme", "False", "CredentialsRejected");
        let all = world.kubectl(&["get", "osp,events.events.k8s.io,configmaps", "-o", "json"]);
        assert_none("the objects", &all);
        let lease = world.cluster.get("default", &format!("lease/{}", world.namespace)).unwrap();
        assert_none_in(&lease);
        let address = eventually("its address", 30, || {
            let log = world.log();
            Some(log.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
        });
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics).unwrap();
        assert!(metrics.contains("session_policy_operator_leader"), "{metrics}");
        assert_none("the metrics", &metrics);
        let log = world.log();
        assert!(log.contains("TRACE"), "it is at this level");
        assert_none("the log", &log);
    }
}
