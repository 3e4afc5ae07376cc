//! Reads and writes organizations and their feature flags (`scalekit-api.md` §2.1, §2.3, §2.6).

use super::{Object, Read, decode, numbers};
use crate::{
    policy::OrganizationId,
    reconcile::{Feature, Note, Organization},
};
use serde::Deserialize;
use serde_json::Value;

/// The longest page token, since a longer one does not fit into a URL.
const LONGEST_TOKEN: usize = 4096;

type Listed = (Vec<Organization>, Option<String>, Option<usize>);

#[derive(Deserialize)]
struct Raw {
    id: String,
    #[serde(alias = "externalId")]
    external_id: Option<String>,
    settings: Option<Object<Settings>>,
}

#[derive(Deserialize)]
struct Settings {
    features: Option<Vec<Object<RawFeature>>>,
}

/// The list is written back as a whole, so an entry that can't be read is an error and not skipped.
#[derive(Deserialize)]
struct RawFeature {
    name: String,
    enabled: Option<bool>,
}

pub(in crate::scalekit) fn organization(body: &[u8]) -> Read<Organization> {
    #[derive(Deserialize)]
    struct Envelope {
        organization: Option<Object<Raw>>,
    }
    let Object(raw) = decode::<Envelope>(body)?.organization.ok_or(Note::NoOrganization)?;
    raw.checked()
}

/// One page of organizations, the token of the next, and how many there are.
pub(in crate::scalekit) fn organizations(body: &[u8]) -> Read<Listed> {
    #[derive(Deserialize)]
    struct Envelope {
        organizations: Option<Vec<Object<Raw>>>,
        #[serde(alias = "nextPageToken")]
        next_page_token: Option<String>,
        #[serde(alias = "totalSize")]
        total_size: Option<Value>,
    }
    let page = decode::<Envelope>(body)?;
    let next = page.next_page_token.filter(|token| !token.is_empty());
    if next.as_ref().is_some_and(|token| token.len() > LONGEST_TOKEN) {
        return Err(Note::LongPageToken);
    }
    // protojson leaves out an empty list; another field must then show that this is a page.
    if page.organizations.is_none() && page.total_size.is_none() && next.is_none() {
        return Err(Note::NoOrganizations);
    }
    let organizations = page.organizations.unwrap_or_default().into_iter().map(|Object(raw)| raw.checked());
    let total = page.total_size.as_ref().and_then(numbers::integer).and_then(|total| usize::try_from(total).ok());
    Ok((organizations.collect::<Read<_>>()?, next, total))
}

/// The features of the environment. An empty list is left out.
pub(in crate::scalekit) fn features(body: &[u8]) -> Read<Vec<Feature>> {
    let features = decode::<Settings>(body)?.features.unwrap_or_default();
    features.into_iter().map(|Object(raw)| raw.checked()).collect()
}

impl Raw {
    fn checked(self) -> Read<Organization> {
        let settings = self.settings.map(|Object(settings)| settings);
        let features_reported = settings.is_some();
        let features = settings.and_then(|settings| settings.features).unwrap_or_default();
        Ok(Organization {
            id: OrganizationId::parse(&self.id).ok_or(Note::UnknownOrganizationId)?,
            external_id: self.external_id.filter(|id| !id.is_empty()),
            features: features.into_iter().map(|Object(raw)| raw.checked()).collect::<Read<_>>()?,
            features_reported,
        })
    }
}

impl RawFeature {
    fn checked(self) -> Read<Feature> {
        if self.name.is_empty() {
            return Err(Note::NamelessFeature);
        }
        Ok(Feature { name: self.name, enabled: self.enabled.unwrap_or(false) })
    }
}

/// The body that sets feature flags, exactly as given.
pub(in crate::scalekit) fn write_features(features: &[Feature]) -> String {
    let entry = |f: &Feature| format!(r#"{{"name":{},"enabled":{}}}"#, Value::from(f.name.as_str()), f.enabled);
    format!(r#"{{"features":[{}]}}"#, features.iter().map(entry).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_features_of_the_environment_are_a_list_with_names() {
        let read = |body: &str| features(body.as_bytes());
        let listed = read(r#"{"features":[{"name":"sso"},{"name":"session_policy","enabled":true}]}"#);
        assert_eq!(listed, Ok(vec![feature("sso", false), feature("session_policy", true)]));
        assert_eq!((read("{}"), read("[]"), read("<html>")), (Ok(vec![]), Err(Note::NotJson), Err(Note::NotJson)));
    }

    fn read(fields: &str) -> Read<Organization> {
        organization(format!(r#"{{"organization":{{"id":"org_1"{fields}}}}}"#).as_bytes())
    }

    fn feature(name: &str, enabled: bool) -> Feature {
        Feature { name: name.to_owned(), enabled }
    }

    #[test]
    fn the_documented_answer_is_read() {
        let found = read(
            r#","create_time":"2026-02-03T08:15:30.250Z","display_name":"Globex","external_id":"tenant-7","metadata":{"plan":"x"},"settings":{"features":[{"name":"sso","enabled":true},{"name":"session_policy"}]},"slug":"globex""#,
        );
        let features = vec![feature("sso", true), feature("session_policy", false)];
        let id = OrganizationId::parse("org_1").unwrap();
        assert_eq!(
            found,
            Ok(Organization { id, external_id: Some("tenant-7".to_owned()), features, features_reported: true })
        );
    }

    #[test]
    fn what_may_be_missing_may_be_missing_in_every_way() {
        for fields in [
            "",
            r#","external_id":null,"settings":null"#,
            r#","externalId":"","settings":{}"#,
            r#","settings":{"features":null}"#,
            r#","settings":{"features":[]}"#,
        ] {
            let found = read(fields).unwrap();
            assert_eq!((found.external_id, found.features), (None, vec![]), "{fields}");
        }
    }

    #[test]
    fn what_cannot_be_sent_back_unchanged_is_refused() {
        for feature in [
            "{}",
            r#"{"enabled":true}"#,
            r#"{"name":"","enabled":true}"#,
            r#"{"name":null}"#,
            r#"{"name":"a","enabled":"yes"}"#,
            "null",
            r#""sso""#,
            r#"["sso",true]"#,
            r#"{"name":"a","name":"b"}"#,
        ] {
            assert!(read(&format!(r#","settings":{{"features":[{feature}]}}"#)).is_err(), "{feature}");
        }
        for fields in
            [r#","external_id":7"#, r#","external_id":"a","externalId":"a""#, r#","id":"org_2""#, r#","settings":[]"#]
        {
            assert!(read(fields).is_err(), "{fields}");
        }
        for body in [
            "{}",
            r#"{"organization":null}"#,
            r#"{"organization":{}}"#,
            r#"{"organization":{"id":"../x"}}"#,
            r#"{"id":"org_1"}"#,
        ] {
            assert!(organization(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_page_says_whether_there_is_another() {
        let page = |rest: &str| organizations(format!(r#"{{"organizations":[{{"id":"org_1"}}]{rest}}}"#).as_bytes());
        for last in ["", r#","next_page_token":"""#, r#","next_page_token":null,"total_size":1"#] {
            assert_eq!(page(last).map(|(found, next, _)| (found.len(), next)), Ok((1, None)), "{last}");
        }
        assert_eq!(page(r#","nextPageToken":">:W""#).map(|(_, next, _)| next), Ok(Some(">:W".to_owned())));
        assert!(page(&format!(r#","next_page_token":"{}""#, "x".repeat(5000))).is_err());
    }

    #[test]
    fn an_empty_page_must_show_that_it_is_a_page() {
        for body in [r#"{"organizations":[]}"#, r#"{"total_size":0}"#, r#"{"organizations":null,"total_size":0}"#] {
            let empty = organizations(body.as_bytes()).map(|(found, next, _)| (found, next));
            assert_eq!(empty, Ok((vec![], None)), "{body}");
        }
        assert!(organizations(b"{}").is_err());
        assert!(organizations(br#"{"organizations":[{"id":"x"}]}"#).is_err());
    }

    #[test]
    fn features_are_written_exactly_as_given() {
        let body = write_features(&[feature("sso", true), feature("a\"b", false), feature("sso", true)]);
        let expected = r#"{"features":[{"name":"sso","enabled":true},{"name":"a\"b","enabled":false},{"name":"sso","enabled":true}]}"#;
        assert_eq!(body, expected);
    }
}
