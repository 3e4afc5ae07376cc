//! Reads a plan that `osp plan --save` wrote, and checks that Scalekit has not changed since.

use super::{
    Cause, Entry, Plan,
    document::row,
    shape::{Named, Row, VERSION},
};
use crate::{
    gitops::{Location, Manifest},
    policy::{DeletionPolicy, ExternalId, OrganizationId, OrganizationRef, ValidatedSpec},
    terminal::printable,
};
use serde::{Deserialize, de::IgnoredAny};
use std::{fs, io, path::Path};

pub(in crate::gitops) struct Saved {
    pub(in crate::gitops) environment: String,
    pub(in crate::gitops) manifests: Vec<Manifest>,
    /// The ids of the manifests' organizations, in the same order.
    pub(in crate::gitops) pins: Vec<Option<OrganizationId>>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: u32,
    environment: String,
    organizations: Vec<Row>,
    #[serde(rename = "application")]
    _application: IgnoredAny,
    #[serde(rename = "summary")]
    _summary: IgnoredAny,
    #[serde(default, rename = "unclaimed")]
    _unclaimed: IgnoredAny,
}

/// What a plan of every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
    environment: IgnoredAny,
}

/// Reads a saved plan. No error quotes the file.
pub(in crate::gitops) fn read(file: &Path) -> io::Result<Saved> {
    let unusable = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let text = fs::read_to_string(file)?;
    // first, since the fields of another version are unknown ones
    match serde_json::from_str(&text) {
        Ok(Versioned { version, environment: IgnoredAny }) if version != VERSION => {
            return Err(unusable("a plan of another version of osp: make it again with osp plan --save"));
        }
        _ => {}
    }
    let document: Document = serde_json::from_str(&text)
        .map_err(|error| unusable(&format!("not a plan that osp plan --save wrote, line {}", error.line())))?;
    let read: Option<Vec<_>> = document.organizations.iter().map(manifest).collect();
    let (manifests, pins) = read.ok_or_else(|| unusable("a saved plan that was changed by hand"))?.into_iter().unzip();
    Ok(Saved { environment: document.environment, manifests, pins, rows: document.organizations })
}

fn manifest(row: &Row) -> Option<(Manifest, Option<OrganizationId>)> {
    let organization = match &row.organization {
        Named::Id(id) => OrganizationRef::Id(OrganizationId::parse(id)?),
        Named::ExternalId(id) => OrganizationRef::External(ExternalId::parse(id)?),
    };
    let pin = match &row.organization_id {
        Some(id) => Some(OrganizationId::parse(id)?),
        None => None,
    };
    let spec = ValidatedSpec {
        organization,
        policy: row.declared.policy()?,
        mode: row.mode.parse().ok()?,
        deletion: DeletionPolicy::default(),
        suspend: row.result == "suspended",
        suspended_until: None,
        interval: None,
        secret: None,
    };
    let location = Location { file: row.file.as_str().into(), line: row.line, column: row.column };
    let (namespace, name) = (row.namespace.clone(), row.name.clone());
    let removed = row.cause.as_deref() == Some(Cause::Removed.into());
    Some((Manifest { location, namespace, name, spec, removed }, pin))
}

impl Saved {
    /// Returns an error that names the organizations whose plan is now another one.
    pub(in crate::gitops) fn ensure_current(&self, now: &Plan<'_>) -> Result<(), String> {
        let differs = |(was, entry): &(&Row, &Entry<'_>)| {
            let is = row(now, entry);
            let same = was.result == is.result
                && was.organization_id == is.organization_id
                && was.live == is.live
                && was.planned == is.planned
                && was.writes == is.writes;
            !same
        };
        let stale = self.rows.iter().zip(&now.entries).filter(differs);
        let says = |(_, entry): (_, &Entry<'_>)| {
            format!("{} has changed since the plan was saved", printable(&entry.manifest.name))
        };
        let stale: Vec<String> = stale.map(says).collect();
        if stale.is_empty() { Ok(()) } else { Err(stale.join("\n")) }
    }
}
