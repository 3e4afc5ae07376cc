//! The files that a user of a kubeconfig names. They are read here, so that one that can't be read is named: kube says
//! only that there is no such file, and sends the line break at the end of a token.

use super::{ConfigError, Lifetime, exec::is_sendable};
use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::AuthInfo;
use secrecy::ExposeSecret;
use std::fs;

/// Replaces the files of `user` by what they contain. A process goes on reading its token from the file, since it may
/// be renewed.
pub(super) fn read(user: &mut AuthInfo, lifetime: Lifetime) -> Result<(), ConfigError> {
    if let Some(provider) = &user.auth_provider {
        return Err(ConfigError::AuthProvider(provider.name.clone()));
    }
    let unreadable = |what, file: &str, why: String| ConfigError::Certificate { what, why: format!("{file}: {why}") };
    let text = |what, file: &str| fs::read(file).map_err(|error| unreadable(what, file, error.to_string()));
    let given = |file: &Option<String>| file.clone().filter(|file| !file.is_empty());
    if let Some(file) = given(&user.token_file).filter(|_| user.token.is_none()) {
        let token = text("tokenFile", &file)?;
        let token = String::from_utf8(token).map_err(|_| unreadable("tokenFile", &file, "no text".to_owned()))?;
        let trimmed = token.trim();
        match lifetime {
            Lifetime::Command => (user.token, user.token_file) = (Some(trimmed.to_owned().into()), None),
            Lifetime::Process if trimmed.len() == token.len() => {}
            Lifetime::Process => {
                let why = "a process that renews its token needs the file without a line break at its end".to_owned();
                return Err(unreadable("tokenFile", &file, why));
            }
        }
    }
    if user.token.as_ref().is_some_and(|token| !is_sendable(token.expose_secret())) {
        return Err(ConfigError::Token);
    }
    if let Some(file) = given(&user.client_certificate).filter(|_| given(&user.client_certificate_data).is_none()) {
        user.client_certificate_data = Some(STANDARD.encode(text("client-certificate", &file)?));
    }
    if let Some(file) = given(&user.client_key).filter(|_| user.client_key_data.is_none()) {
        user.client_key_data = Some(STANDARD.encode(text("client-key", &file)?).into());
    }
    for (what, data) in [
        ("client-certificate-data", user.client_certificate_data.as_deref()),
        ("client-key-data", user.client_key_data.as_ref().map(ExposeSecret::expose_secret)),
    ] {
        // kube would say so of the connection, and not name the field; the error quotes a byte of what may be a key
        if data.is_some_and(|data| STANDARD.decode(data.trim()).is_err()) {
            return Err(ConfigError::Certificate { what, why: "it is not base64".to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(fields: &serde_json::Value) -> AuthInfo {
        serde_json::from_value(fields.clone()).unwrap()
    }

    #[test]
    fn data_that_is_not_base64_is_named_and_not_quoted() {
        for field in ["client-certificate-data", "client-key-data"] {
            let error = read(&mut user(&json!({field: "!secret!"})), Lifetime::Command).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("not base64") && !error.contains("secret!"), "{error}");
        }
    }

    #[test]
    fn a_token_has_no_line_break_and_a_process_reads_it_again() {
        let file = std::env::temp_dir().join(format!("osp-token-{}", std::process::id()));
        fs::write(&file, "t1\n").unwrap();
        let mut of_file = user(&json!({"tokenFile": file}));
        let error = read(&mut of_file.clone(), Lifetime::Process).unwrap_err().to_string();
        assert!(error.contains("tokenFile") && error.contains("line break") && !error.contains("t1"), "{error}");
        read(&mut of_file, Lifetime::Command).unwrap();
        assert_eq!((of_file.token.unwrap().expose_secret(), of_file.token_file), ("t1", None));
        fs::write(&file, "t1").unwrap();
        let mut of_file = user(&json!({"tokenFile": file}));
        read(&mut of_file, Lifetime::Process).unwrap();
        assert!(of_file.token.is_none() && of_file.token_file.is_some());
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_field() {
        for field in ["tokenFile", "client-certificate", "client-key"] {
            let error = read(&mut user(&json!({field: "/not/there"})), Lifetime::Command).unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("/not/there: No such file"), "{field}: {error}");
        }
        let mut given = user(&json!({"token": "t", "tokenFile": "/not/there", "client-certificate": ""}));
        read(&mut given, Lifetime::Command).unwrap();
    }

    #[test]
    fn an_auth_provider_is_named() {
        let mut old = user(&json!({"auth-provider": {"name": "gcp", "config": {"access-token": "hunter2"}}}));
        let error = read(&mut old, Lifetime::Command).unwrap_err().to_string();
        assert!(error.contains("auth-provider gcp") && !error.contains("hunter2"), "{error}");
    }
}
