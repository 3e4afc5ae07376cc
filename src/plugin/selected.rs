//! The resources that a verb is for: by name, by label, or all.

use super::{
    cluster::{Cluster, Connection},
    failure::Failure,
    named::name,
    operators::Operators,
    output::{CommandOutput, VerbResult},
};
use crate::{
    crd::OrganizationSessionPolicy,
    terminal::{Exit, note},
};
use clap::Args;
use kube::core::error_boundary::InvalidObject;

/// The arguments that select resources.
#[derive(Debug, Args)]
pub struct ResourceArguments {
    /// The resources: NAME, or osp/NAME as kubectl prints it
    #[arg(required_unless_present_any = ["all", "all_namespaces", "selector"], value_name = "NAME", value_parser = name)]
    names: Vec<String>,
    /// All resources of the namespace
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// The resources of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["names", "namespace"])]
    all_namespaces: bool,
    /// The resources with these labels, such as team=core
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with_all = ["names", "all"])]
    selector: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl ResourceArguments {
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reads the resources, and joins the output of `verb` for each.
    pub(super) async fn each(
        &self,
        program: &str,
        verb: impl AsyncFnMut(&Cluster, &OrganizationSessionPolicy) -> VerbResult,
    ) -> VerbResult {
        let (cluster, resources) = self.found(program).await?;
        self.join(&cluster, &resources, verb).await
    }

    /// The same for a verb that says how a resource is, which may be old if no operator keeps it.
    pub(super) async fn each_kept(
        &self,
        program: &str,
        mut verb: impl AsyncFnMut(&Cluster, &Operators, &OrganizationSessionPolicy) -> VerbResult,
    ) -> VerbResult {
        let (cluster, resources) = self.found(program).await?;
        let namespaces = resources.iter().filter_map(|resource| resource.metadata.namespace.as_deref()).collect();
        let operators = Operators::read(&cluster, Some(&namespaces)).await?;
        self.join(&cluster, &resources, async |cluster, resource| verb(cluster, &operators, resource).await).await
    }

    async fn found(&self, program: &str) -> Result<(Cluster, Vec<OrganizationSessionPolicy>), Failure> {
        let cluster = Cluster::connect(&self.connection, program).await?;
        let mut resources = Vec::new();
        for name in &self.names {
            resources.push(cluster.get(name).await?);
        }
        if self.names.is_empty() {
            let all = cluster.list(self.all_namespaces, self.selector.as_deref()).await?;
            for object in all {
                let unreadable = |undecodable: InvalidObject| Failure::Unreadable {
                    name: undecodable.metadata.name.unwrap_or_default(),
                    cause: undecodable.error,
                };
                resources.push(object.0.map_err(unreadable)?);
            }
        }
        if resources.is_empty() {
            let place = if self.all_namespaces { "any namespace" } else { &cluster.namespace };
            note(&format!("there is no such OrganizationSessionPolicy in {place}"));
        }
        Ok((cluster, resources))
    }

    async fn join(
        &self,
        cluster: &Cluster,
        resources: &[OrganizationSessionPolicy],
        mut verb: impl AsyncFnMut(&Cluster, &OrganizationSessionPolicy) -> VerbResult,
    ) -> VerbResult {
        let mut all = CommandOutput { text: String::new(), exit: Exit::Success };
        for resource in resources {
            let one = match resource.metadata.namespace.as_deref().filter(|_| self.all_namespaces) {
                Some(namespace) => verb(&cluster.within(namespace), resource).await?,
                None => verb(cluster, resource).await?,
            };
            all.text += if all.text.is_empty() { "" } else { "\n" };
            all.text += &one.text;
            all.exit = if one.exit == Exit::Success { all.exit } else { one.exit };
        }
        Ok(all)
    }
}
