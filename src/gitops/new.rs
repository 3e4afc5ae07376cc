//! `osp new`: prints the manifest of a policy, made from the numbers that people have in mind.

use super::{
    export::{Manifest, ManifestFormat},
    options,
};
use crate::{
    crd,
    policy::{ExternalId, Minutes, Mode, OrganizationId, OrganizationRef, Policy, Session},
    terminal::{Exit, print},
};
use clap::{
    ArgGroup,
    builder::{PossibleValuesParser, TypedValueParser},
};
use std::error::Error;

/// `osp new`
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("who").required(true).args(["id", "external_id"])))]
#[command(group(ArgGroup::new("what").required(true).args(["absolute", "inherit"])))]
pub struct Arguments {
    /// The name of the resource [default: the external id if it is a valid name, else made from the id]
    #[arg(value_parser = name)]
    name: Option<String>,

    /// The organization, by its id
    #[arg(long = "org", visible_alias = "organization", value_name = "ID", value_parser = organization)]
    id: Option<OrganizationId>,

    /// The organization, by its external id
    #[arg(long, value_name = "ID", value_parser = external_id)]
    external_id: Option<ExternalId>,

    /// How long a session may live, such as 8h or 30d
    #[arg(long, value_name = "TIME", value_parser = minutes)]
    absolute: Option<Minutes>,

    /// How long a session may go unused, such as 15m [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = minutes, requires = "absolute")]
    idle: Option<Minutes>,

    /// The organization inherits the application's policy
    #[arg(long, conflicts_with = "idle")]
    inherit: bool,

    /// What the operator may write
    #[arg(long, default_value = "Enforce", value_parser = mode())]
    mode: Mode,

    /// The namespace of the manifest
    #[arg(short, long, value_parser = namespace)]
    namespace: Option<String>,

    /// Nothing more, as kubectl has it: manifests are YAML
    #[arg(short = 'o', long = "output", value_enum, hide = true)]
    _output: Option<ManifestFormat>,
}

fn name(text: &str) -> Result<String, String> {
    if crd::is_subdomain(text) {
        Ok(text.to_owned())
    } else {
        Err("must be lower-case letters, digits, - and ., and begin and end with a letter or digit".to_owned())
    }
}

fn organization(text: &str) -> Result<OrganizationId, String> {
    let unlike = || format!("an id {}; of an external id say --external-id", OrganizationId::EXPECTED);
    OrganizationId::parse(text).ok_or_else(unlike)
}

fn external_id(text: &str) -> Result<ExternalId, String> {
    ExternalId::parse(text).ok_or_else(|| "must be 1 to 256 characters without control characters".to_owned())
}

/// The names are completed by a shell, and listed if it is none of them.
fn mode() -> impl TypedValueParser<Value = Mode> {
    let names = [Mode::Enforce, Mode::TightenOnly, Mode::Observe].map(Mode::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Mode>())
}

fn namespace(text: &str) -> Result<String, String> {
    if crd::is_label(text) { Ok(text.to_owned()) } else { Err(crd::NOT_A_LABEL.to_owned()) }
}

/// A timeout needs its unit, since 8 could be minutes or hours.
fn minutes(text: &str) -> Result<Minutes, String> {
    match text.parse::<u64>() {
        Ok(_) => Err("write the unit too: 15m, 8h or 30d".to_owned()),
        Err(_) => options::minutes(text),
    }
}

/// Prints the manifest; it is an error if the timeouts do not fit together.
pub fn run(arguments: &Arguments) -> Result<Exit, Box<dyn Error>> {
    let Arguments { name, id, external_id, absolute, idle, mode, .. } = arguments;
    let id = id.clone().map(OrganizationRef::Id);
    let organization =
        id.or_else(|| external_id.clone().map(OrganizationRef::External)).ok_or("name an organization")?;
    let policy = match absolute {
        Some(absolute) => Policy::Custom(Session::new(*absolute, *idle)?),
        None => Policy::Application,
    };
    let name = match (name, &organization) {
        (Some(name), _) => name.clone(),
        (None, organization) => Manifest::name_of(organization).ok_or_else(|| {
            format!("{} is no name of a resource: give one, as in osp new NAME …", organization.described())
        })?,
    };
    let manifest = Manifest { name, organization, mode: *mode, policy, remark: None };
    print(|out| write!(out, "{}", manifest.yaml(arguments.namespace.as_deref())))?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_a_unit() {
        for (text, expected) in [("15m", 15), ("8h", 480), ("30d", 43_200), ("08h", 480), ("1h30m", 90)] {
            assert_eq!(minutes(text).map(Minutes::get), Ok(expected), "{text}");
        }
        for text in ["8", "", "h", "-8h", "+8h", "8 h", "8s", "8é", "0m", "99999999999d"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }
}
