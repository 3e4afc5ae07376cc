//! The name of an organization's manifest. It depends on that organization alone, and no two
//! organizations have the same.

use crate::{
    crd,
    policy::{OrganizationId, OrganizationRef},
    reconcile::Organization,
};

/// The longest external id that is used as a name: with `.yaml` it has to fit a file system.
const LONGEST: usize = 200;
const FROM_ID: &str = "org-";

/// The external id if it is a valid name, else one made from the id.
pub(super) fn name(organization: &Organization) -> String {
    let external = organization.external_id.as_deref().filter(|name| fits(name));
    external.map_or_else(|| from_id(&organization.id), str::to_owned)
}

/// The same of an organization that is only named; `None` if its external id is no valid name.
pub(super) fn of_reference(organization: &OrganizationRef) -> Option<String> {
    match organization {
        OrganizationRef::Id(id) => Some(from_id(id)),
        OrganizationRef::External(id) => Some(id.as_str()).filter(|name| fits(name)).map(str::to_owned),
    }
}

fn fits(name: &str) -> bool {
    name.len() <= LONGEST && crd::is_subdomain(name) && !name.starts_with(FROM_ID)
}

/// Makes `org-12345` of `org_12345`. Names have no upper case, so the positions of the upper-case
/// letters are appended as a number: two ids that differ only in case get different names.
fn from_id(id: &OrganizationId) -> String {
    let rest = id.as_str().trim_start_matches("org_");
    let upper = rest.bytes().rev().fold(0u32, |bits, b| bits << 1 | u32::from(b.is_ascii_uppercase()));
    let lower = rest.to_ascii_lowercase();
    if upper == 0 { format!("{FROM_ID}{lower}") } else { format!("{FROM_ID}{lower}.{upper:x}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn organization(id: &str, external: Option<&str>) -> Organization {
        let id = OrganizationId::parse(id).unwrap();
        Organization { id, external_id: external.map(str::to_owned), features: vec![], features_reported: true }
    }

    #[test]
    fn an_external_id_is_the_name_where_it_can_be() {
        let long = "a".repeat(201);
        for (external, expected) in [
            (Some("tenant-7"), "tenant-7"),
            (Some("acme.example"), "acme.example"),
            (Some("Tenant 7"), "org-12ab"),
            (Some("../x"), "org-12ab"),
            (Some("org-1"), "org-12ab"),
            (Some(long.as_str()), "org-12ab"),
            (None, "org-12ab"),
        ] {
            assert_eq!(name(&organization("org_12ab", external)), expected);
        }
        assert_eq!(name(&organization("org_12aB", None)), "org-12ab.8");
    }

    proptest! {
        #[test]
        fn different_ids_have_different_valid_names(one in "org_[0-9a-cA-C]{1,28}", other in "org_[0-9a-cA-C]{1,3}") {
            let (a, b) = (name(&organization(&one, None)), name(&organization(&other, None)));
            prop_assert!(crd::is_subdomain(&a));
            prop_assert_eq!(one == other, a == b);
        }
    }
}
