//! The kubeconfig and the environment are read as kubectl reads them, by `osp` and by the operator.

use super::Said;
use crate::{authority::Authority, osp::Folder};
use serde_json::{Value, json};
use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    process::Command,
    thread::{self, JoinHandle},
};

/// A kubeconfig whose user is `user`.
fn kubeconfig(server: &str, user: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    })
}

/// Nobody listens there.
const NOBODY: &str = "https://127.0.0.1:1";

fn program(binary: &str, folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    let proxies = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "KUBERNETES_SERVICE_HOST"];
    for name in proxies {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder.path()).env("KUBECONFIG", "k").env("HOME", folder.path());
    command
}

/// `osp status` in `folder`, with the kubeconfig `k`.
fn status(folder: &Folder) -> Command {
    program(env!("CARGO_BIN_EXE_osp"), folder, &["status"])
}

/// A verb of the operator that ends when there is no API server.
fn uninstall(folder: &Folder) -> Command {
    program(env!("CARGO_BIN_EXE_session-policy-operator"), folder, &["uninstall"])
}

fn said(mut command: Command) -> Said {
    let said = Said::from(command.output().unwrap());
    assert!(!said.err.contains("panicked") && !said.err.contains("hunter2"), "{}", said.err);
    said
}

/// The first bytes that somebody sends to this server, which then closes the connection.
fn listen() -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let first = move || {
        let (mut connection, _): (TcpStream, _) = listener.accept().unwrap();
        let mut bytes = [0; 200];
        let read = connection.read(&mut bytes).unwrap();
        bytes[..read].to_vec()
    };
    (port, thread::spawn(first))
}

#[test]
fn files_that_are_missing_and_contexts_that_are_empty_give_way_to_the_next_file() {
    let folder = Folder::new();
    let good = kubeconfig(NOBODY, &json!({"token": "t"}));
    folder.write("good", good.to_string());
    let mut empty = good.clone();
    empty["current-context"] = json!("");
    folder.write("empty", empty.to_string());
    folder.write("only", json!({"apiVersion": "v1", "kind": "Config", "current-context": "x"}).to_string());
    folder.write("nothing", "");
    for list in ["good:not/there", "not/there:good", "empty:only", "nothing:good", ":good:", "good"] {
        for mut command in [status(&folder), uninstall(&folder)] {
            command.env("KUBECONFIG", list);
            let said = said(command);
            assert!(said.code == 1 && said.err.contains("Connection refused"), "{list}: {}", said.err);
        }
    }
    folder.write(".kube/config", good.to_string());
    for mut command in [status(&folder), uninstall(&folder)] {
        let said = said({
            command.env("KUBECONFIG", "");
            command
        });
        assert!(said.err.contains("Connection refused"), "an empty KUBECONFIG is unset: {}", said.err);
    }
    for (list, sentence) in [
        ("empty", "sets no current-context"),
        ("nothing", "sets no current-context"),
        ("not/there", "there is no kubeconfig at not/there"),
    ] {
        for mut command in [status(&folder), uninstall(&folder)] {
            command.env("KUBECONFIG", list);
            let said = said(command);
            assert!(said.code == 1 && said.err.contains(sentence), "{list}: {}", said.err);
        }
    }
}

#[test]
fn a_server_without_a_scheme_is_an_error_that_names_it() {
    let folder = Folder::new();
    folder.write("k", kubeconfig("127.0.0.1:6443", &json!({"token": "t"})).to_string());
    for command in [status(&folder), uninstall(&folder)] {
        let said = said(command);
        assert!(said.code == 1 && said.err.contains("https://") && said.err.contains("127.0.0.1:6443"), "{}", said.err);
    }
}

/// A login that asks for a code or for a new session says so on stderr, and may wait.
#[test]
fn what_a_credential_plugin_prints_to_stderr_is_shown_as_by_kubectl() {
    let folder = Folder::new();
    let exec = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
        "args": ["-c", "echo 'enter the code ABCD at https://login.example' >&2; exit 3"],
    }});
    folder.write("k", kubeconfig(NOBODY, &exec).to_string());
    for command in [status(&folder), uninstall(&folder)] {
        let said = said(command);
        assert!(said.err.contains("enter the code ABCD at https://login.example\n"), "{}", said.err);
        assert!(said.code == 1 && said.err.contains("sh, which failed: exit status: 3"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_connection_that_fails_is_named() {
    let folder = Folder::new();
    let untrusted = Authority::new("osp-kubeconfig").front("127.0.0.1:1".parse().unwrap()).await;
    let causes: [(&str, &[&str]); 3] = [
        (NOBODY, &["refused"]),
        ("https://no-such-host.invalid:6443", &["lookup", "resolve", "not known"]),
        (&untrusted, &["certificate", "issuer"]),
    ];
    for (server, causes) in causes {
        folder.write("k", kubeconfig(server, &json!({"token": "t"})).to_string());
        for command in [status(&folder), uninstall(&folder)] {
            let said = said(command);
            let named = causes.iter().any(|cause| said.err.to_lowercase().contains(cause));
            assert!(said.code == 1 && named, "{server}: {}", said.err);
            assert!(!said.err.contains("rustls_platform_verifier"), "it is said once: {}", said.err);
        }
    }
}

#[test]
fn the_proxy_of_the_environment_or_of_the_kubeconfig_is_asked_for_the_api_server() {
    let folder = Folder::new();
    let server = "https://k8s.internal.example:6443";
    for (scheme, first) in [("http", &b"CONNECT k8s.internal.example:6443 "[..]), ("socks5", &[5][..])] {
        for from in ["HTTPS_PROXY", "https_proxy", "proxy-url"] {
            for program in [status, uninstall] {
                let (port, asked) = listen();
                let proxy = format!("{scheme}://127.0.0.1:{port}");
                let mut kubeconfig = kubeconfig(server, &json!({"token": "t"}));
                if from == "proxy-url" {
                    kubeconfig["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
                }
                folder.write("k", kubeconfig.to_string());
                let mut command = program(&folder);
                if from != "proxy-url" {
                    command.env(from, proxy);
                }
                assert_eq!(said(command).code, 1);
                let asked = asked.join().unwrap();
                assert!(asked.starts_with(first), "{scheme} {from}: {}", String::from_utf8_lossy(&asked));
            }
        }
    }
}

#[test]
fn no_proxy_is_about_the_api_server_and_not_about_the_proxy() {
    let folder = Folder::new();
    folder.write("k", kubeconfig("https://k8s.invalid:6443", &json!({"token": "t"})).to_string());
    for (list, direct) in [("k8s.invalid", true), (".invalid,", true), ("127.0.0.1", false), ("*", true)] {
        let mut command = status(&folder);
        command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", list);
        let refused = said(command).err.contains("Connection refused");
        assert_eq!(refused, !direct, "NO_PROXY={list}");
    }
}

#[test]
fn the_files_that_a_user_names_are_found_beside_the_kubeconfig_and_named_if_they_are_not() {
    let folder = Folder::new();
    folder.write("below/token", "t\n");
    folder.write("below/k", kubeconfig(NOBODY, &json!({"tokenFile": "token"})).to_string());
    let mut command = status(&folder);
    command.env("KUBECONFIG", "below/k");
    let refused = said(command).err;
    assert!(refused.contains("Connection refused"), "a line break at its end is no part of a token: {refused}");
    for field in ["tokenFile", "client-certificate", "client-key"] {
        folder.write("k", kubeconfig(NOBODY, &json!({field: "not/there"})).to_string());
        for command in [status(&folder), uninstall(&folder)] {
            let said = said(command);
            assert!(said.code == 1 && said.err.contains(field) && said.err.contains("not/there: "), "{}", said.err);
        }
    }
    let old = json!({"auth-provider": {"name": "gcp", "config": {"access-token": "hunter2"}}});
    folder.write("k", kubeconfig(NOBODY, &old).to_string());
    assert!(said(status(&folder)).err.contains("auth-provider gcp"));
}

/// A user who logs in with this script; it appends a line to `runs`.
fn plugin(script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh",
        "args": ["-c", format!("echo run >> runs; {script}")], "env": [{"name": "PASSWORD", "value": "hunter2"}],
        "installHint": "brew install login",
    }})
}

#[test]
fn a_credential_plugin_runs_once_for_a_command() {
    let folder = Folder::new();
    for expires in ["", r#", "expirationTimestamp": "2099-01-01T00:00:00Z""#] {
        let token = format!(r#""status": {{"token": "t"{expires}}}"#);
        let credential = format!(r#"{{"apiVersion": "client.authentication.k8s.io/v1", {token}}}"#);
        folder.write("k", kubeconfig(NOBODY, &plugin(&format!("echo '{credential}'"))).to_string());
        folder.write("runs", "");
        let said = said(status(&folder));
        assert!(said.err.contains("Connection refused"), "{}", said.err);
        assert_eq!(std::fs::read_to_string(folder.path().join("runs")).unwrap(), "run\n");
    }
}

#[test]
fn a_credential_plugin_that_fails_is_named_and_its_environment_is_not_printed() {
    let folder = Folder::new();
    let mut absent = plugin("");
    absent["exec"]["command"] = json!("no-such-login");
    for (user, sentence) in [
        (plugin("echo $PASSWORD; exit 3"), "sh, which failed: exit status: 3"),
        (plugin("echo $PASSWORD: {"), "printed no ExecCredential"),
        (absent, "no-such-login, which can't be started"),
    ] {
        folder.write("k", kubeconfig(NOBODY, &user).to_string());
        for command in [status(&folder), uninstall(&folder)] {
            let said = said(command);
            assert!(said.code == 1 && said.err.contains(sentence), "{sentence}: {}", said.err);
            assert_eq!(said.err.contains("brew install login"), sentence.contains("started"), "{}", said.err);
        }
    }
}

#[test]
fn a_token_that_no_header_can_have_is_an_error_and_not_printed() {
    let folder = Folder::new();
    for token in ["hunter2\n", "hunter2\u{1}", "a\nb"] {
        folder.write("k", kubeconfig(NOBODY, &json!({"token": token})).to_string());
        for command in [status(&folder), uninstall(&folder)] {
            let said = said(command);
            assert!(said.code == 1 && said.err.contains("token of the kubeconfig has a line break"), "{}", said.err);
        }
    }
}

#[test]
fn a_kubeconfig_that_is_no_yaml_is_named_with_the_place_and_without_its_text() {
    let folder = Folder::new();
    folder.write("k", "users:\n- name: u\n  user: {token: hunter2\n");
    for command in [status(&folder), uninstall(&folder)] {
        let said = said(command);
        assert!(said.code == 1 && said.err.contains("k: no kubeconfig: line "), "{}", said.err);
    }
}

#[test]
fn an_empty_variable_counts_as_unset_and_booleans_are_1_and_0_too() {
    let folder = Folder::new();
    folder.write("k", kubeconfig(NOBODY, &json!({"token": "t"})).to_string());
    let variables = |value: &'static str| {
        let names = ["OSP_ALLOW_HTTP", "OSP_DISABLE_FEATURE_ON_DELETE"];
        names.map(|name| (name, value))
    };
    let all = [
        "OSP_RATE_LIMIT",
        "OSP_REQUEST_TIMEOUT",
        "OSP_RESYNC_INTERVAL",
        "OSP_HTTP_ADDR",
        "OSP_LOG_FORMAT",
        "OSP_ALLOWED_HOST",
        "OSP_WATCH_NAMESPACE",
        "OSP_CREDENTIALS_DIR",
        "OSP_PROXY",
        "POD_NAMESPACE",
        "RUST_LOG",
    ];
    for value in ["", "0", "1", "true", "false"] {
        let mut operator = uninstall(&folder);
        operator.envs(variables(value)).envs(all.map(|name| (name, "")));
        let said = said(operator);
        assert!(said.err.contains("Connection refused"), "{value:?}: {}", said.err);

        let mut export = program(env!("CARGO_BIN_EXE_osp"), &folder, &["export"]);
        export.envs(variables(value)).envs(all.map(|name| (name, "")));
        export.env("SCALEKIT_ENVIRONMENT_URL", "http://127.0.0.1:1").env("SCALEKIT_CLIENT_ID", "a");
        let missing = Said::from(export.env("SCALEKIT_CLIENT_SECRET", "").output().unwrap());
        assert!(missing.err.contains("SCALEKIT_CLIENT_SECRET"), "{value:?}: {}", missing.err);
        let run = Said::from(export.env("SCALEKIT_CLIENT_SECRET", "b").output().unwrap());
        let allowed = matches!(value, "1" | "true");
        assert_eq!(run.err.contains("https"), !allowed, "{value:?}: {}", run.err);
    }
}
