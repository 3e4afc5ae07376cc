//! `osp support-bundle`: what somebody needs to know who helps, as one file. It has no value of a Secret.

use super::{
    examine::{Examined, Scope, examine},
    pods,
    redact::Redactor,
};
use crate::{
    plugin::{Cluster, Object, Operator, Operators, versions},
    terminal::{Exit, Output, confirm, print},
};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, Resource, ResourceExt, api::ListParams, core::ObjectMeta};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs::File,
    io,
    path::PathBuf,
};

/// The annotations that are kept: ours, and those by which a GitOps tool is known. Whatever else people or tools
/// write there is nobody's business.
const KEPT: [&str; 4] =
    ["scalekit.com/", "reconcile.fluxcd.io/", "kustomize.toolkit.fluxcd.io/", "argocd.argoproj.io/"];

/// Write a file for a bug report: resources, events, Leases, pods and logs of the operator, versions, and the output of
/// check. It lists what is in it before it writes it. No Secret is in it.
#[derive(Debug, Args)]
pub struct BundleArguments {
    #[command(flatten)]
    scope: Scope,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The file to write; there must be none [default: osp-support-TIME.tar.gz]
    #[arg(short = 'f', long, value_name = "FILE", value_parser = file)]
    file: Option<PathBuf>,
    /// List what would be in it, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

/// A path; `-` is the standard output elsewhere, where the list of the files goes here.
fn file(text: &str) -> Result<PathBuf, String> {
    if text == "-" { Err("a bundle is not printed: name a file".to_owned()) } else { Ok(text.into()) }
}

/// The path in the bundle, and the text.
type Files = BTreeMap<String, String>;

/// Collects what goes into a support bundle, lists it, and writes it. `program` is the command in hints.
pub async fn run(arguments: &BundleArguments, program: &str) -> Result<Exit, Box<dyn Error>> {
    let now = Timestamp::now();
    let Examined { cluster, report, redactor } = examine(&arguments.scope, false, program).await;
    let mut files = Files::new();
    files.insert("check.txt".into(), redactor.text(&report.text(&Output::plain(None))));
    files.insert("check.json".into(), pretty(&redactor, report.json()));
    match &cluster {
        Ok(cluster) => collect(cluster, arguments.all_namespaces, &redactor, &mut files).await,
        Err(error) => drop(files.insert("errors.txt".into(), redactor.text(&format!("{error}\n")))),
    }
    let listed: String = files.iter().map(|(path, text)| format!("{:>9}  {path}\n", text.len())).collect();
    print(|out| write!(out, "    bytes  file\n{listed}"))?;
    if arguments.dry_run {
        return Ok(Exit::Success);
    }
    let name = || PathBuf::from(format!("osp-support-{}.tar.gz", now.strftime("%Y%m%d-%H%M%S")));
    let path = arguments.file.clone().unwrap_or_else(name);
    if !arguments.yes && !confirm(&format!("Write these into {}?", path.display()))? {
        print(|out| writeln!(out, "nothing was written"))?;
        return Ok(Exit::Failure);
    }
    write(&path, &files, now).map_err(|error| format!("{}: {error}", path.display()))?;
    print(|out| writeln!(out, "wrote {}", path.display()))?;
    Ok(Exit::Success)
}

/// Adds what the cluster has; what can't be read is named.
async fn collect(cluster: &Cluster, everywhere: bool, redactor: &Redactor, files: &mut Files) {
    let mut errors = Vec::new();
    match cluster.list(everywhere, None).await {
        Ok(all) => files.extend(all.iter().filter_map(|object| {
            let meta = object.meta();
            let path = format!("resources/{}/{}.json", meta.namespace.as_deref()?, meta.name.as_deref()?);
            Some((path, pretty(redactor, resource(object))))
        })),
        Err(error) => errors.push(format!("resources: {error}")),
    }
    let api: Api<Event> = cluster.api(everywhere);
    let ours = ListParams::default().fields("regarding.kind=OrganizationSessionPolicy");
    match cluster.send("list", everywhere, api.list(&ours)).await {
        Ok(list) => {
            let events: Vec<Value> = list.into_iter().flatten().map(|event| said(&event)).collect();
            files.insert("events.json".into(), pretty(redactor, Value::Array(events)));
        }
        Err(error) => errors.push(format!("events: {error}")),
    }
    match Operators::read(cluster, None).await {
        Ok(operators) => {
            let now = Timestamp::now();
            files.insert("leases.json".into(), pretty(redactor, operators.json(None, now)));
            files.insert("versions.json".into(), pretty(redactor, versions(cluster, &operators, now).await));
            for operator in of_interest(cluster, everywhere, &operators) {
                pods::collect(cluster, operator, redactor, files, &mut errors).await;
            }
        }
        Err(error) => errors.push(format!("leases: {error}")),
    }
    if !errors.is_empty() {
        files.insert("errors.txt".into(), redactor.text(&(errors.join("\n") + "\n")));
    }
}

/// The operators whose pods and logs are wanted: that of the namespace, or with `--all-namespaces` all.
fn of_interest<'a>(cluster: &Cluster, everywhere: bool, operators: &'a Operators) -> Vec<&'a Operator> {
    match everywhere {
        true => operators.all().unwrap_or_default().iter().collect(),
        false => operators.of(&BTreeSet::from([cluster.namespace.as_str()])),
    }
}

/// The resource without what is long, and without annotations of others.
fn resource(object: &Object) -> Value {
    let mut value = match &object.0 {
        Ok(resource) => serde_json::to_value(resource).unwrap_or_default(),
        Err(undecodable) => json!({"metadata": undecodable.metadata, "undecodable": undecodable.error}),
    };
    if let Some(metadata) = value.get_mut("metadata") {
        *metadata = serde_json::to_value(kept(object.meta())).unwrap_or_default();
    }
    value
}

fn kept(meta: &ObjectMeta) -> ObjectMeta {
    let mut meta = ObjectMeta { managed_fields: None, ..meta.clone() };
    let known = |key: &str| KEPT.iter().any(|prefix| key.starts_with(prefix));
    meta.annotations.iter_mut().for_each(|all| all.retain(|key, _| known(key)));
    meta
}

fn said(event: &Event) -> Value {
    let regarding = event.regarding.clone().unwrap_or_default();
    json!({
        "time": event.event_time, "namespace": event.namespace(), "resource": regarding.name, "type": event.type_,
        "reason": event.reason, "action": event.action, "note": event.note, "series": event.series,
        "reporter": event.reporting_controller,
    })
}

fn pretty(redactor: &Redactor, value: Value) -> String {
    format!("{:#}\n", redactor.value(value))
}

/// Writes a new file, which only its owner may read.
fn write(path: &std::path::Path, files: &Files, now: Timestamp) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.as_second()).unwrap_or_default());
        archive.append_data(&mut header, format!("osp-support/{path}"), text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_metadata_only_annotations_are_kept_that_say_who_applied_it() {
        let meta: ObjectMeta = serde_json::from_value(json!({
            "name": "acme", "managedFields": [{"manager": "m"}], "labels": {"team": "core"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team.example/note": "x",
                "scalekit.com/a": "1", "reconcile.fluxcd.io/requestedAt": "2"},
        }))
        .unwrap();
        let kept = kept(&meta);
        let annotations: Vec<_> = kept.annotations.iter().flatten().map(|(key, _)| key.as_str()).collect();
        assert_eq!(annotations, ["reconcile.fluxcd.io/requestedAt", "scalekit.com/a"]);
        assert!(kept.managed_fields.is_none() && kept.labels.is_some());
    }
}
