//! Runs the credential plugin of a kubeconfig (`exec`), once. What it prints to stderr is shown, as by
//! kubectl, since it may ask for a login; its output and its environment never are.

use super::ConfigError;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use std::{
    io::{self, IsTerminal},
    process::Stdio,
};
use tokio::process::Command;

/// The versions of the protocol between kubectl and a plugin.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// How long the credential is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// By one command, which ends before it expires.
    Command,
    /// By a process that has to renew it: kube starts the plugin again, unless the credential never
    /// expires.
    Process,
}

#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "apiVersion")]
    version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

/// Replaces the plugin of `user` by the credential that it prints.
pub(super) async fn log_in(user: &mut AuthInfo, lifetime: Lifetime) -> Result<(), ConfigError> {
    let overridden = user.token.is_some() || user.token_file.is_some() || user.username.is_some();
    let Some(exec) = user.exec.clone().filter(|_| !overridden) else { return Ok(()) };
    let Some(command) = exec.command.clone().filter(|command| !command.is_empty()) else {
        return Err(ConfigError::NoCommand);
    };
    let version = exec.api_version.clone().unwrap_or_default();
    if !VERSIONS.contains(&version.as_str()) {
        let has = if version.is_empty() { "no apiVersion".to_owned() } else { format!("the apiVersion {version}") };
        return Err(ConfigError::PluginVersion { command, has });
    }
    let status = run(&exec, &command).await.map_err(|error| match error {
        Failed::Start(cause) => {
            let hint = exec.install_hint.as_deref().map(|hint| format!("\n{}", hint.trim())).unwrap_or_default();
            ConfigError::NoPlugin { command: command.clone(), cause, hint }
        }
        Failed::Ended(why) => ConfigError::Plugin { command: command.clone(), why },
    })?;
    if lifetime == Lifetime::Process && status.expiration_timestamp.is_some() {
        return Ok(());
    }
    user.exec = None;
    user.token = status.token.filter(|token| !token.is_empty()).map(SecretString::from);
    if let (Some(certificate), Some(key)) = (status.client_certificate_data, status.client_key_data) {
        user.client_certificate_data = Some(STANDARD.encode(certificate));
        user.client_key_data = Some(STANDARD.encode(key).into());
    }
    Ok(())
}

/// Whether a token can be the value of a header; kube panics on one that can't.
pub(super) fn is_sendable(token: &str) -> bool {
    HeaderValue::from_str(token).is_ok()
}

enum Failed {
    Start(io::Error),
    Ended(String),
}

async fn run(exec: &ExecConfig, command: &str) -> Result<Status, Failed> {
    let interactive = exec.interactive_mode != Some(ExecInteractiveMode::Never) && io::stdin().is_terminal();
    if !interactive && exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(Failed::Ended("needs a terminal to ask on, and stdin is none".into()));
    }
    let info = json!({
        "apiVersion": exec.api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": interactive, "cluster": exec.cluster},
    });
    let variables = exec.env.iter().flatten().filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    let plugin = Command::new(command)
        .args(exec.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn();
    // not `output`, which takes stderr too: where a login asks for a code, it says so there
    let output = plugin.map_err(Failed::Start)?.wait_with_output().await.map_err(Failed::Start)?;
    if !output.status.success() {
        return Err(Failed::Ended(format!("failed: {}", output.status)));
    }
    // the parser's own error would quote the output
    let credential: Option<Credential> = serde_yaml::from_slice(&output.stdout).ok();
    let credential = credential.filter(|credential| credential.version.is_some());
    let credential = credential.ok_or_else(|| Failed::Ended("printed no ExecCredential".into()))?;
    if credential.version != exec.api_version {
        let wanted = exec.api_version.as_deref().unwrap_or_default();
        return Err(Failed::Ended(format!("printed another apiVersion than {wanted}")));
    }
    let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let usable = |status: &Status| {
        given(&status.token) || (given(&status.client_certificate_data) && given(&status.client_key_data))
    };
    let status = credential.status.filter(usable);
    let status =
        status.ok_or_else(|| Failed::Ended("printed neither a token nor a certificate with its key".into()))?;
    if status.token.as_deref().is_some_and(|token| !is_sendable(token)) {
        return Err(Failed::Ended("printed a token with a line break or another control character".into()));
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    /// A user who logs in with a shell script.
    fn user(script: &str) -> AuthInfo {
        serde_json::from_value(json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "env": [{"name": "PASSWORD", "value": "hunter2"}], "interactiveMode": "IfAvailable",
            "installHint": "Install it\nwith a package manager",
        }}))
        .unwrap()
    }

    fn printing(status: &str) -> AuthInfo {
        user(&format!(
            "echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {status}}}'"
        ))
    }

    #[tokio::test]
    async fn the_credential_takes_the_place_of_the_plugin() {
        let mut token = printing(r#"{"token": "t1", "expirationTimestamp": "2030-01-01T00:00:00Z"}"#);
        log_in(&mut token, Lifetime::Process).await.unwrap();
        assert!(token.exec.is_some() && token.token.is_none(), "a process renews it");
        log_in(&mut token, Lifetime::Command).await.unwrap();
        assert_eq!((token.exec.is_some(), token.token.unwrap().expose_secret()), (false, "t1"));

        let mut certificate = printing(r#"{"clientCertificateData": "c", "clientKeyData": "k"}"#);
        log_in(&mut certificate, Lifetime::Process).await.unwrap();
        assert_eq!((certificate.exec.is_some(), certificate.client_certificate_data.as_deref()), (false, Some("Yw==")));
    }

    #[tokio::test]
    async fn the_plugin_gets_its_environment_and_is_asked_nothing_without_a_terminal() {
        let script = "test \"$PASSWORD\" = hunter2 && case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) \
                      echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {\"token\": \"t\"}}';; esac";
        log_in(&mut user(script), Lifetime::Command).await.unwrap();
    }

    #[tokio::test]
    async fn a_credential_beside_the_plugin_is_used_and_the_plugin_is_not_started() {
        let mut both = user("exit 1");
        both.token = Some("t".into());
        log_in(&mut both, Lifetime::Command).await.unwrap();
    }

    #[tokio::test]
    async fn a_plugin_that_fails_is_named_and_nothing_that_it_knows_is_printed() {
        for (user, said) in [
            (user("echo '{\"token\": \"hunter2\"'; exit 3"), "sh, which failed: exit status: 3"),
            (user("echo hunter2: {"), "sh, which printed no ExecCredential"),
            (user(""), "sh, which printed no ExecCredential"),
            (printing(r#"{"token": "hunter2\\n"}"#), "sh, which printed a token with a line break"),
            (printing(r#"{"token": ""}"#), "neither a token nor a certificate"),
            (user("echo 'apiVersion: client.authentication.k8s.io/v1beta1'"), "another apiVersion"),
            (printing("{}"), "neither a token nor a certificate"),
            (printing(r#"{"clientCertificateData": "hunter2"}"#), "neither a token nor a certificate"),
        ] {
            let error = log_in(&mut user.clone(), Lifetime::Command).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(said) && !text.contains("hunter2"), "{said}: {text}");
        }
    }

    #[tokio::test]
    async fn a_plugin_of_no_known_version_or_without_a_command_is_not_started() {
        for (field, value, said) in [
            (
                "apiVersion",
                json!("client.authentication.k8s.io/v1alpha1"),
                "apiVersion client.authentication.k8s.io/v1alpha1",
            ),
            ("apiVersion", json!(""), "no apiVersion"),
            ("apiVersion", json!(null), "no apiVersion"),
            ("command", json!(""), "no command"),
            ("command", json!(null), "no command"),
        ] {
            let mut exec =
                json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", "exit 7"]});
            exec[field] = value;
            let mut user = serde_json::from_value(json!({"exec": exec})).unwrap();
            let error = log_in(&mut user, Lifetime::Command).await.unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("exit status"), "{said}: {error}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_there_is_named_with_its_hint() {
        let mut absent = user("");
        absent.exec.as_mut().unwrap().command = Some("no-such-login".into());
        let error = log_in(&mut absent, Lifetime::Command).await.unwrap_err().to_string();
        assert!(error.contains("no-such-login, which can't be started: No such file"), "{error}");
        assert!(error.ends_with("\nInstall it\nwith a package manager"), "{error}");
    }
}
