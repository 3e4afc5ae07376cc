//! The names of resources and of their namespace, as people type them. They become a part of a URL, in which `?` or `%`
//! would make another request of them.

use super::failure::Failure;
use crate::crd;

/// The name in `NAME`, `osp/NAME` or `organizationsessionpolicy.scalekit.com/NAME`.
pub(super) fn name(text: &str) -> Result<String, String> {
    let Some((kind, name)) = text.split_once('/') else { return possible(text) };
    let kind = kind.to_ascii_lowercase();
    let plain = kind.strip_suffix(".scalekit.com").unwrap_or(&kind).trim_end_matches(".v1alpha1");
    match plain {
        "osp" | "organizationsessionpolicy" | "organizationsessionpolicies" => possible(name),
        _ => Err(format!("{kind} is another kind of resource: write NAME or osp/NAME")),
    }
}

/// Capitals are let through, since the answer that there is none names the one that is meant.
fn possible(name: &str) -> Result<String, String> {
    if crd::is_subdomain(&name.to_ascii_lowercase()) {
        return Ok(name.to_owned());
    }
    Err(format!("a name {}", crd::NOT_A_SUBDOMAIN))
}

/// A namespace that there can be.
pub(super) fn namespace(text: &str) -> Result<String, Failure> {
    if crd::is_label(text) { Ok(text.to_owned()) } else { Err(Failure::NoNamespace(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_its_kind_before_it_as_kubectl_prints_it() {
        for text in [
            "acme",
            "osp/acme",
            "organizationsessionpolicy.scalekit.com/acme",
            "OSP/acme",
            "organizationsessionpolicies/acme",
            "organizationsessionpolicies.v1alpha1.scalekit.com/acme",
        ] {
            assert_eq!(name(text).as_deref(), Ok("acme"), "{text}");
        }
        assert!(name("secret/acme").is_err() && name("pods.v1/acme").is_err());
    }

    #[test]
    fn what_would_be_more_than_a_part_of_a_url_is_no_name_and_no_namespace() {
        for text in
            ["", ".", "..", "acme?dryRun=All", "acme%2Fstatus", "acme#a", "a b", "acme\u{1b}", "osp/acme/status"]
        {
            assert!(name(text).is_err() && namespace(text).is_err(), "{text:?}");
        }
        for text in ["osp/", "osp/acme?watch=1"] {
            assert!(name(text).is_err(), "{text}");
        }
        assert_eq!((name("Acme").as_deref(), namespace("a/b").is_err()), (Ok("Acme"), true));
    }
}
