//! The requests to the API server, each with a deadline. Kube's own retries are off, since a person
//! waits for the output.

use super::{failure::Failure, named::namespace};
use crate::{
    apiserver::{self, Impersonation, Lifetime, Selection},
    crd::{self, OrganizationSessionPolicy},
    terminal::near,
};
use clap::Args;
use futures::Stream;
use k8s_openapi::api::core::v1::{Event, Namespace};
use kube::{
    Api, Client, Resource,
    api::{ListParams, Patch, PatchParams},
    core::NamespaceResourceScope,
    core::error_boundary::DeserializeGuard,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};

/// The arguments that select the cluster and the namespace, as kubectl has them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Connection {
    /// The namespace [default: the context's]
    #[arg(short, long)]
    pub(super) namespace: Option<String>,
    /// The context of the kubeconfig [default: the current one]
    #[arg(long)]
    context: Option<String>,
    /// The cluster of the kubeconfig [default: the context's]
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The user of the kubeconfig [default: the context's]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The user to impersonate
    #[arg(long = "as", value_name = "USER")]
    as_user: Option<String>,
    /// A group to impersonate, with --as; may be given more than once
    #[arg(long, value_name = "GROUP", requires = "as_user")]
    as_group: Vec<String>,
    /// The kubeconfig [default: KUBECONFIG, or the usual one in your home]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How long one request to the API server may take
    #[arg(long, default_value = "15s", value_parser = crd::request_timeout)]
    request_timeout: Duration,
    /// Log each request to the standard error, as kubectl -v=6; may be given more than once
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Connection {
    /// Whom the requests are sent as, with `--as`.
    pub(crate) fn user(&self) -> Option<&str> {
        self.as_user.as_deref()
    }

    pub(crate) const fn verbosity(&self) -> u8 {
        self.verbose
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// `--namespace`; an empty one counts as not given.
    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty())
    }

    pub(super) fn selection(&self) -> Selection {
        let impersonate = self.as_user.clone().map(|user| Impersonation { user, groups: self.as_group.clone() });
        let Self { kubeconfig, context, cluster, user, .. } = self.clone();
        Selection { kubeconfig, context, cluster, user, impersonate }
    }
}

/// How long `osp apply` looks for a cluster.
const LOOKED_FOR: Duration = Duration::from_secs(5);

/// The URL of the API server that the kubeconfig names, and the resources of all namespaces, or else of one. `None` if
/// there is no cluster to reach soon or none of them may be read.
pub async fn resources() -> Option<(String, Vec<OrganizationSessionPolicy>)> {
    let connection = Connection { request_timeout: LOOKED_FOR, ..Connection::default() };
    let read = async {
        let cluster = Cluster::connect(&connection, "osp").await?;
        let all = match cluster.list(true, None).await {
            Err(Failure::Forbidden { .. }) => cluster.list(false, None).await?,
            all => all?,
        };
        Ok::<_, Failure>((cluster.server, all.into_iter().filter_map(|object| object.0.ok()).collect()))
    };
    match tokio::time::timeout(LOOKED_FOR, read).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(why)) => {
            tracing::debug!(%why, "no cluster to look at");
            None
        }
        Err(_) => None,
    }
}

/// Formats the commands that messages suggest, such as `kubectl osp explain acme -n customers`.
#[derive(Debug, Clone)]
pub(super) struct Hint {
    program: String,
    flags: String,
}

impl Hint {
    /// Hints for `program` with the flags of `connection`.
    pub(super) fn new(program: &str, connection: &Connection) -> Self {
        let file = connection.kubeconfig.as_ref().map(|file| file.display().to_string());
        let flags = [
            ("-n", &connection.namespace().map(str::to_owned)),
            ("--context", &connection.context),
            ("--cluster", &connection.cluster),
            ("--user", &connection.user),
            ("--as", &connection.as_user),
            ("--kubeconfig", &file),
        ];
        let flags = flags.iter().filter_map(|(flag, value)| value.as_ref().map(|value| format!(" {flag} {value}")));
        Self { program: program.to_owned(), flags: flags.collect() }
    }

    /// Hints with `-n` and this namespace as well, for a list of all namespaces.
    pub(super) fn in_namespace(mut self, namespace: &str) -> Self {
        self.flags.insert_str(0, &format!(" -n {namespace}"));
        self
    }

    pub(super) fn to(&self, verb: &str, name: &str) -> String {
        format!("{} {verb} {name}{}", self.program, self.flags)
    }
}

/// A resource; if it does not decode, its metadata and the error.
pub(crate) type Object = DeserializeGuard<OrganizationSessionPolicy>;

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) server: String,
    pub(crate) timeout: Duration,
    /// `--namespace`, or else that of the context.
    pub(crate) namespace: String,
    /// `--namespace` was given.
    is_chosen: bool,
    pub(super) hint: Hint,
}

impl Cluster {
    pub(crate) async fn connect(connection: &Connection, program: &str) -> Result<Self, Failure> {
        // an error means that it is installed already
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = connection.selection().configuration(Lifetime::Command).await?;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = namespace(connection.namespace().unwrap_or(&config.default_namespace))?;
        let client = apiserver::client(config).map_err(|e| Failure::of(e, &server, "use", ""))?;
        Ok(Self {
            client,
            server,
            timeout: connection.request_timeout,
            namespace,
            is_chosen: connection.namespace().is_some(),
            hint: Hint::new(program, connection),
        })
    }

    /// The same in this namespace.
    pub(super) fn within(&self, namespace: &str) -> Self {
        let hint = self.hint.clone().in_namespace(namespace);
        Self { namespace: namespace.to_owned(), hint, ..self.clone() }
    }

    /// Watches the resources of the namespace, or of all namespaces.
    pub(super) fn watch(
        &self,
        everywhere: bool,
        selector: Option<&str>,
    ) -> impl Stream<Item = watcher::Result<watcher::Event<Object>>> + use<> {
        let config = selector.map_or_else(watcher::Config::default, |labels| watcher::Config::default().labels(labels));
        watcher(self.api(everywhere), config).default_backoff()
    }

    /// `--namespace`; empty without one: all.
    pub(crate) fn scope(&self) -> &str {
        if self.is_chosen { &self.namespace } else { "" }
    }

    /// The objects of a kind in the namespace, or in all.
    pub(crate) fn api<K>(&self, everywhere: bool) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        let client = self.client.clone();
        if everywhere { Api::all(client) } else { Api::namespaced(client, &self.namespace) }
    }

    /// An error of a request to list or to watch.
    pub(super) fn failure(&self, error: kube::Error, verb: &'static str) -> Failure {
        Failure::of(error, &self.server, verb, &format!("in namespace {}", self.namespace))
    }

    /// Reads a resource; if there is none, the error names similar ones.
    pub(super) async fn get(&self, name: &str) -> Result<OrganizationSessionPolicy, Failure> {
        if let Some(resource) = self.get_opt(name).await? {
            return Ok(resource);
        }
        // suggestions need the right to list; without it there are none
        let all = self.list(false, None).await.unwrap_or_default();
        let names = all.iter().filter_map(|object| object.meta().name.as_deref());
        Err(self.not_found(name, near(name, names).into_iter().map(str::to_owned).collect()))
    }

    fn not_found(&self, name: &str, similar: Vec<String>) -> Failure {
        Failure::NotFound { name: name.to_owned(), namespace: self.namespace.clone(), similar }
    }

    pub(super) async fn get_opt(&self, name: &str) -> Result<Option<OrganizationSessionPolicy>, Failure> {
        let api: Api<Object> = Api::namespaced(self.client.clone(), &self.namespace);
        let Some(object) = self.send("get", false, api.get(name)).await? else { return Ok(None) };
        let unreadable = |cause| Failure::Unreadable { name: name.to_owned(), cause };
        object.0.map(Some).map_err(|undecodable| unreadable(undecodable.error))
    }

    /// All resources of the namespace, or of all namespaces.
    pub(crate) async fn list(&self, everywhere: bool, selector: Option<&str>) -> Result<Vec<Object>, Failure> {
        let api: Api<Object> = self.api(everywhere);
        let parameters = selector.map_or_else(ListParams::default, |labels| ListParams::default().labels(labels));
        let list = self.send("list", everywhere, api.list(&parameters)).await?;
        list.map(|list| list.items).ok_or(Failure::NotInstalled)
    }

    /// The names of all namespaces.
    pub(super) async fn namespaces(&self) -> Result<Vec<String>, Failure> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let list = self.send("list", true, api.list_metadata(&ListParams::default())).await?;
        let all = list.map(|list| list.items).unwrap_or_default();
        Ok(all.into_iter().filter_map(|namespace| namespace.metadata.name).collect())
    }

    /// The events of the resource of this name, whether it is still there or not.
    pub(super) async fn events(&self, name: &str) -> Result<Vec<Event>, Failure> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let kind = OrganizationSessionPolicy::kind(&());
        let of = ListParams::default().fields(&format!("involvedObject.kind={kind},involvedObject.name={name}"));
        let list = self.send("list events of", false, api.list(&of)).await?;
        Ok(list.map(|list| list.items).unwrap_or_default())
    }

    /// Sends a merge patch with `manager` as the field manager.
    pub(super) async fn patch(&self, name: &str, manager: &str, merge: &Value) -> Result<(), Failure> {
        let api: Api<Object> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let patched = self.send("patch", false, api.patch(name, &params, &Patch::Merge(merge))).await?;
        patched.map(drop).ok_or_else(|| self.not_found(name, Vec::new()))
    }

    /// Sends `request`; `None` if there is no such object. If the API server does not know the kind, the
    /// error is [`Failure::NotInstalled`].
    pub(crate) async fn send<T>(
        &self,
        verb: &'static str,
        everywhere: bool,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<Option<T>, Failure> {
        let place =
            || if everywhere { "in all namespaces".to_owned() } else { format!("in namespace {}", self.namespace) };
        match tokio::time::timeout(self.timeout, request).await {
            Ok(Ok(response)) => Ok(Some(response)),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 && status.details.is_some() => Ok(None),
            Ok(Err(error)) => Err(Failure::of(error, &self.server, verb, &place())),
            Err(_) => Err(Failure::TimedOut { server: self.server.clone(), waited: self.timeout }),
        }
    }
}
