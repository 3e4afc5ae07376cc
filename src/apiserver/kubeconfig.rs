//! Reads the kubeconfig and selects the cluster and the user, with the rules of client-go: files of
//! `KUBECONFIG` that are missing are left out, the first file that has an entry wins, an empty value
//! counts as unset, and a pod without a kubeconfig uses its service account.

use super::{
    ConfigError, Lifetime, exec, files, proxy,
    requests::{Log, Observe, Observer},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Uri, http::uri::Authority};
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What selects the cluster and the user, as kubectl's flags do. Empty: what the kubeconfig says.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The only file to read; it has to be there.
    pub kubeconfig: Option<PathBuf>,
    /// Instead of `current-context`.
    pub context: Option<String>,
    /// Instead of the context's cluster.
    pub cluster: Option<String>,
    /// Instead of the context's user.
    pub user: Option<String>,
    /// Whom the requests are sent as.
    pub impersonate: Option<Impersonation>,
}

/// `--as` and `--as-group`.
#[derive(Debug, Clone)]
pub struct Impersonation {
    /// The user.
    pub user: String,
    /// Its groups.
    pub groups: Vec<String>,
}

/// What a kubeconfig names.
#[derive(Debug, Default)]
pub struct Names {
    /// Its contexts.
    pub contexts: Vec<String>,
    /// Its clusters.
    pub clusters: Vec<String>,
    /// Its users.
    pub users: Vec<String>,
}

impl Selection {
    /// The configuration of the selected cluster and user; sends no request, but may run the
    /// kubeconfig's credential plugin.
    pub async fn configuration(&self, lifetime: Lifetime) -> Result<Config, ConfigError> {
        let (kubeconfig, named, found) = self.read()?;
        let selects = self.context.is_some() || self.cluster.is_some();
        if !selects && kubeconfig.current_context.is_none() {
            return match Config::incluster() {
                Ok(config) => Ok(config),
                Err(_) if !found => Err(ConfigError::NoKubeconfig(named)),
                Err(_) => Err(ConfigError::NoContext),
            };
        }
        let mut config = self.select(&kubeconfig)?;
        if let Some(impersonate) = &self.impersonate {
            config.auth_info.impersonate = Some(impersonate.user.clone());
            config.auth_info.impersonate_groups = Some(impersonate.groups.clone());
        }
        files::read(&mut config.auth_info, lifetime)?;
        exec::log_in(&mut config.auth_info, lifetime).await?;
        Ok(config)
    }

    /// The names that the kubeconfig has; none if it can't be read.
    pub fn names(&self) -> Names {
        let Ok((kubeconfig, ..)) = self.read() else { return Names::default() };
        Names {
            contexts: kubeconfig.contexts.into_iter().map(|named| named.name).collect(),
            clusters: kubeconfig.clusters.into_iter().map(|named| named.name).collect(),
            users: kubeconfig.auth_infos.into_iter().map(|named| named.name).collect(),
        }
    }

    /// The merged files, their names, and whether one is there.
    fn read(&self) -> Result<(Kubeconfig, String, bool), ConfigError> {
        if let Some(file) = &self.kubeconfig {
            return Ok((read(file)?, file.display().to_string(), true));
        }
        let listed = env::var_os("KUBECONFIG").unwrap_or_default();
        let mut files: Vec<PathBuf> = env::split_paths(&listed).filter(|file| !file.as_os_str().is_empty()).collect();
        if files.is_empty() {
            files.extend(env::home_dir().map(|home| home.join(".kube/config")));
        }
        let (mut merged, mut found) = (Kubeconfig::default(), false);
        for file in &files {
            if fs::metadata(file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                continue;
            }
            found = true;
            merged = merged.merge(read(file)?).map_err(|error| unreadable(file, &error))?;
        }
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        Ok((merged, names.join(", "), found))
    }

    fn select(&self, kubeconfig: &Kubeconfig) -> Result<Config, ConfigError> {
        let missing = |what, name: &str| ConfigError::Missing { what, name: name.to_owned() };
        let context = match self.context.as_ref().or(kubeconfig.current_context.as_ref()) {
            None => Context::default(),
            Some(name) => {
                let found = kubeconfig.contexts.iter().find(|named| named.name == *name);
                found.and_then(|named| named.context.clone()).ok_or_else(|| missing("context", name))?
            }
        };
        let name = self.cluster.clone().unwrap_or(context.cluster);
        let found = kubeconfig.clusters.iter().find(|named| named.name == name);
        let cluster = found.and_then(|named| named.cluster.clone()).ok_or_else(|| missing("cluster", &name))?;
        let user = self.user.clone().or(context.user).unwrap_or_default();
        let found = kubeconfig.auth_infos.iter().find(|named| named.name == user);
        let user = match found.and_then(|named| named.auth_info.clone()) {
            // a context may name a user that is not there; the requests are then anonymous
            None if self.user.is_some() => return Err(missing("user", &user)),
            user => user.unwrap_or_default(),
        };
        let namespace = context.namespace.filter(|namespace| !namespace.is_empty());
        configuration(&name, &cluster, user, namespace)
    }
}

/// A client for `config`. Kube's own retries are off.
pub(crate) fn client(config: Config) -> kube::Result<Client> {
    observed_client(config, Arc::new(|_, _| {}))
}

/// The same, whose requests `observer` is told of.
pub(crate) fn observed_client(mut config: Config, observer: Observer) -> kube::Result<Client> {
    config.default_retry = false;
    Ok(ClientBuilder::try_from(config)?.with_layer(&Log).with_layer(&Observe(observer)).build())
}

fn read(file: &Path) -> Result<Kubeconfig, ConfigError> {
    let mut kubeconfig = Kubeconfig::read_from(file).map_err(|error| unreadable(file, &error))?;
    kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
    Ok(kubeconfig)
}

/// The parser's own message would quote the file, and so a token.
fn unreadable(file: &Path, error: &KubeconfigError) -> ConfigError {
    let why = match error {
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(at) => format!("no kubeconfig: line {}, column {}", at.line(), at.column()),
            None => "no kubeconfig".to_owned(),
        },
        other => other.to_string(),
    };
    ConfigError::File { path: file.to_owned(), why }
}

/// The scheme and host are checked here, since kube panics without them.
fn configuration(
    name: &str,
    cluster: &Cluster,
    mut user: AuthInfo,
    namespace: Option<String>,
) -> Result<Config, ConfigError> {
    let written = cluster.server.clone().unwrap_or_default();
    if has_user(&written) {
        return Err(ConfigError::ServerUser(name.to_owned()));
    }
    let usable = |server: &Uri| {
        matches!(server.scheme_str(), Some("https" | "http")) && server.host().is_some_and(|host| !host.is_empty())
    };
    let server: Option<Uri> = written.trim().parse().ok().filter(usable);
    let server = server.ok_or_else(|| ConfigError::Server { cluster: name.to_owned(), server: written.clone() })?;
    let without_port = |authority: &Authority| authority.as_str() == authority.host();
    if server.port_u16().is_none() && !server.authority().is_some_and(without_port) {
        return Err(ConfigError::Port { cluster: name.to_owned(), server: written });
    }
    let proxy_url = proxy::choose(cluster.proxy_url.as_deref(), &server, |name| env::var(name).ok())?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = cluster.try_into().ok();
    }
    let mut config = Config::new(server);
    config.root_cert = authority(cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.disable_compression = cluster.disable_compression.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.default_namespace = namespace.unwrap_or(config.default_namespace);
    config.proxy_url = proxy_url;
    config.auth_info = user;
    Ok(config)
}

/// Whether a URL, or what was meant to be one, has a user name before its host.
fn has_user(server: &str) -> bool {
    let behind = server.split_once("://").map_or(server, |(_, behind)| behind);
    behind.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// The certificates of `certificate-authority-data`, or of the file `certificate-authority`.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, ConfigError> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let (what, pem) = match (given(&cluster.certificate_authority_data), given(&cluster.certificate_authority)) {
        (Some(data), _) => {
            ("certificate-authority-data", STANDARD.decode(data.trim()).map_err(|error| error.to_string()))
        }
        (None, Some(file)) => ("certificate-authority", fs::read(&file).map_err(|error| format!("{file}: {error}"))),
        (None, None) => return Ok(None),
    };
    let certificates = pem.and_then(|pem| {
        let found = CertificateDer::pem_slice_iter(&pem).map(|found| found.map(|der| der.to_vec()));
        let found: Vec<Vec<u8>> = found.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        if found.is_empty() { Err("it has no certificate".to_owned()) } else { Ok(found) }
    });
    certificates.map(Some).map_err(|why| ConfigError::Certificate { what, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn kubeconfig(server: &str) -> Value {
        json!({
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": server}}, {"name": "d", "cluster": {"server": "https://d"}}],
            "users": [{"name": "u", "user": {"token": "t"}}, {"name": "v", "user": {"username": "v"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": ""}},
                {"name": "y", "context": {"cluster": "d", "user": "gone", "namespace": "n"}}],
        })
    }

    fn selected(selection: &Selection, kubeconfig: Value) -> Result<Config, String> {
        selection.select(&serde_json::from_value(kubeconfig).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_needs_a_scheme_and_a_host() {
        for server in ["https://k:6443", "http://127.0.0.1:8080", "https://k/clusters/one", " https://k "] {
            assert!(selected(&Selection::default(), kubeconfig(server)).is_ok(), "{server}");
        }
        for server in
            ["127.0.0.1:6443", "k", "localhost:6443", "", "/k", "https://", "https:///k", "ftp://k", "https://:1"]
        {
            let error = selected(&Selection::default(), kubeconfig(server)).unwrap_err();
            assert!(error.contains("server of cluster c") && error.contains("https://"), "{server}: {error}");
        }
    }

    #[test]
    fn a_server_has_a_valid_port_and_no_password() {
        for server in ["https://k:99999", "https://k:", "https://k:port", "https://[::1]:70000"] {
            let error = selected(&Selection::default(), kubeconfig(server)).unwrap_err();
            assert!(error.contains("server of cluster c"), "{server}: {error}");
        }
        assert!(selected(&Selection::default(), kubeconfig("https://[::1]:6443")).is_ok());
        for server in ["https://u:hunter2@k:6443", "ftp://u:hunter2@k", "u:hunter2@k"] {
            let error = selected(&Selection::default(), kubeconfig(server)).unwrap_err();
            assert!(error.contains("user name") && !error.contains("hunter2"), "{server}: {error}");
        }
        assert!(selected(&Selection::default(), kubeconfig("https://k/a@b")).is_ok());
    }

    #[test]
    fn flags_take_the_place_of_the_context_its_cluster_and_its_user() {
        let some = |name: &str| Some(name.to_owned());
        let host = |selection: Selection| {
            selected(&selection, kubeconfig("https://c")).map(|config| config.cluster_url.to_string())
        };
        assert_eq!(host(Selection::default()).unwrap(), "https://c/");
        assert_eq!(host(Selection { context: some("y"), ..Selection::default() }).unwrap(), "https://d/");
        assert_eq!(host(Selection { cluster: some("d"), ..Selection::default() }).unwrap(), "https://d/");
        for (selection, error) in [
            (Selection { context: some("z"), ..Selection::default() }, "the kubeconfig has no context z"),
            (Selection { cluster: some("z"), ..Selection::default() }, "the kubeconfig has no cluster z"),
            (Selection { user: some("z"), ..Selection::default() }, "the kubeconfig has no user z"),
        ] {
            assert_eq!(host(selection).unwrap_err(), error);
        }
        let user = Selection { user: some("v"), ..Selection::default() };
        let config = selected(&user, kubeconfig("https://c")).unwrap();
        assert_eq!((config.auth_info.username.as_deref(), config.default_namespace.as_str()), (Some("v"), "default"));
        let mut without = kubeconfig("https://c");
        without["current-context"] = Value::Null;
        let cluster = Selection { cluster: some("d"), ..Selection::default() };
        assert_eq!(selected(&cluster, without).unwrap().cluster_url, "https://d/");
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_named() {
        for (cluster, said) in [
            (json!({"server": "https://k", "certificate-authority": "/not/there"}), "/not/there: No such file"),
            (json!({"server": "https://k", "certificate-authority-data": "?"}), "certificate-authority-data"),
            (json!({"server": "https://k", "certificate-authority-data": "YQ=="}), "no certificate"),
        ] {
            let mut kubeconfig = kubeconfig("https://k");
            kubeconfig["clusters"][0]["cluster"] = cluster;
            let error = selected(&Selection::default(), kubeconfig).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_unreadable_kubeconfig_is_named_with_the_place_and_without_its_text() {
        let file = env::temp_dir().join(format!("osp-kubeconfig-{}", std::process::id()));
        fs::write(&file, "users:\n- name: u\n  user: {token: hunter2, exec: [hunter2}\n").unwrap();
        let error = read(&file).unwrap_err();
        fs::remove_file(&file).unwrap();
        let text = format!("{error} {error:?}");
        assert!(text.contains("line 3") && !text.contains("hunter2"), "{text}");
    }
}
