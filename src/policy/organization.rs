//! The identifiers of an organization.

use std::{fmt, sync::Arc};

/// Scalekit's id of an organization: `org_` and 1 to 28 letters or digits. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(Arc<str>);

impl OrganizationId {
    /// The message for an invalid id.
    pub const EXPECTED: &str = "must be org_ followed by 1 to 28 letters or digits";

    /// Accepts `^org_[0-9A-Za-z]{1,28}$`, which needs no encoding in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("org_")?;
        let fits = (1..=28).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The external id of an organization: 1 to 256 characters without control characters, and not `.` or
/// `..`, which would be a step in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(Arc<str>);

impl ExternalId {
    /// Accepts any text of this form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=256).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text != "."
            && text != "..";
        fits.then(|| Self(text.into()))
    }

    /// The id as text, not yet encoded for a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names an organization by its id or its external id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display)]
pub enum OrganizationRef {
    /// By id.
    #[strum(transparent)]
    Id(OrganizationId),
    /// By external id, which is looked up at each reconcile.
    #[strum(transparent)]
    External(ExternalId),
}

impl OrganizationRef {
    /// The id, or `external id "tenant-7"`: with the kind of the name where it is not plain to see.
    pub fn described(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::External(id) => format!("external id \"{id}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_087_an_organization_id_cannot_leave_its_place_in_a_url() {
        for bad in [
            "",
            "org_",
            "org",
            "../../x",
            "org_1/../org_2",
            "%2e%2e",
            "org_1?x",
            "org_1#",
            "org_\0",
            "org_ü",
            "ORG_1",
            "org_12345678901234567890123456789",
        ] {
            assert_eq!(OrganizationId::parse(bad), None, "{bad:?}");
        }
        assert!(OrganizationId::parse(&"x".repeat(10_000)).is_none());
        assert!(OrganizationId::parse("org_1234567890123456789012345678").is_some());
    }

    #[test]
    fn row_088_an_external_id_may_be_any_printable_text() {
        for good in ["tenant-7", "a/b?c#d%e:f", "ü ß", "\u{202e}x", "a..b", "…"] {
            assert!(ExternalId::parse(good).is_some(), "{good:?}");
        }
        for bad in ["", ".", "..", "a\r\nb", "\u{7f}", "\0"] {
            assert_eq!(ExternalId::parse(bad), None, "{bad:?}");
        }
        assert!(ExternalId::parse(&"é".repeat(256)).is_some());
        assert!(ExternalId::parse(&"é".repeat(257)).is_none());
    }

    #[test]
    fn an_organization_is_called_by_its_id_and_an_external_id_is_called_one() {
        let (id, external) = (OrganizationId::parse("org_1").unwrap(), ExternalId::parse("tenant-7").unwrap());
        assert_eq!((id.as_str(), id.to_string().as_str()), ("org_1", "org_1"));
        assert_eq!((external.as_str(), external.to_string().as_str()), ("tenant-7", "tenant-7"));
        assert_eq!(OrganizationRef::Id(id).described(), "org_1");
        assert_eq!(OrganizationRef::External(external).described(), "external id \"tenant-7\"");
    }
}
