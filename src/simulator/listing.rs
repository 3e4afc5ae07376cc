//! The list of organizations, page by page (`scalekit-api.md` §2.3).

use super::api_error::{ApiError, Violation};
use super::http::form;
use super::organizations::{Organization, Organizations};
use super::responses;
use super::settings::Emission;
use serde_json::{Value, json};
use std::time::Instant;

const DEFAULT_SIZE: usize = 10;
const LARGEST: usize = 100;

#[derive(Debug, PartialEq, Eq)]
struct Query {
    size: usize,
    /// The organizations of the page are older than this number, which is the page token.
    before: u64,
    external_id: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self { size: DEFAULT_SIZE, before: u64::MAX, external_id: None };
        let mut seen = Vec::new();
        for (name, value) in form(query) {
            if seen.contains(&name) {
                return Err(ApiError::malformed(format!("too many values for field \"{name}\"")));
            }
            match name.as_str() {
                "page_size" | "pageSize" => parsed.size = page_size(&value)?,
                "page_token" | "pageToken" if !value.is_empty() => {
                    parsed.before = age(&value).ok_or_else(|| ApiError::malformed("invalid page token"))?;
                }
                "external_id" | "externalId" if !value.is_empty() => parsed.external_id = Some(value),
                _ => {}
            }
            seen.push(name);
        }
        Ok(parsed)
    }
}

fn page_size(text: &str) -> Result<usize, ApiError> {
    match text.parse() {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) if size <= LARGEST => Ok(size),
        _ => Err(ApiError::invalid(vec![Violation::new("page_size", "uint32.lte", "must be 1 to 100")])),
    }
}

/// The token has characters that are special in a query, so that a client that does not encode it gets
/// a 400.
fn token(age: u64) -> String {
    format!(">:Wy+&{age:x}#/=%")
}

fn age(token: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_prefix(">:Wy+&")?.strip_suffix("#/=%")?, 16).ok()
}

pub(crate) fn page(
    organizations: &mut Organizations,
    query: &str,
    emission: &Emission,
    now: Instant,
) -> Result<Value, ApiError> {
    let query = Query::parse(query)?;
    let total = organizations.len();
    let written = |organization: &mut Organization| {
        let features = organization.features.read(now, false).clone();
        responses::organization(organization, &features, emission, true)
    };
    let (page, next): (Vec<Value>, _) = match &query.external_id {
        Some(external_id) => (organizations.get_external(external_id).map(written).into_iter().collect(), None),
        None => {
            let (page, next) = organizations.page(query.before, query.size);
            (page.into_iter().map(written).collect(), next)
        }
    };
    // `total_size` counts the environment, not the matches.
    Ok(json!({
        "next_page_token": next.map(token).unwrap_or_default(),
        "total_size": total,
        "organizations": page,
        "prev_page_token": "",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_survives_only_when_encoded() {
        let encoded = percent_encoding::utf8_percent_encode(&token(77), percent_encoding::NON_ALPHANUMERIC).to_string();
        assert_eq!(Query::parse(&format!("page_token={encoded}")).unwrap().before, 77);
        assert!(Query::parse(&format!("page_token={}", token(77))).is_err());
    }

    #[test]
    fn the_page_size_is_1_to_100() {
        for (text, size) in [("1", Some(1)), ("100", Some(100)), ("0", Some(10)), ("101", None), ("-1", None)] {
            assert_eq!(Query::parse(&format!("page_size={text}")).ok().map(|q| q.size), size, "{text}");
        }
        assert!(Query::parse("page_size=5&page_size=6").is_err());
    }
}
