//! The formats of names in Kubernetes (RFC 1123).

/// The pattern of most names, which also have at most 253 characters.
pub(super) const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The message for a name that does not match `SUBDOMAIN`.
pub const NOT_A_SUBDOMAIN: &str = "must be 1 to 253 lower case letters, digits, - or ., with a letter or \
                                          digit at both ends of each part";

/// Whether `name` may name a resource.
pub fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_part)
}

/// The message for a namespace that is not [`is_label`].
pub const NOT_A_LABEL: &str = "must be 1 to 63 lower case letters, digits or -";

/// Whether `name` may name a namespace.
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// The message for a key that is not [`is_qualified`].
pub(super) const NOT_QUALIFIED: &str = "a key has at most 63 letters, digits, -, _ or ., with a letter or digit at both \
                                        ends, and may have a domain and / before them";

/// Whether `key` may be the key of a label.
pub(super) fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_qualified_part(name),
        None => is_qualified_part(key),
    }
}

/// Whether `name` may be a key without a domain, or the value of a label.
pub(super) fn is_qualified_part(name: &str) -> bool {
    let end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    name.len() <= 63 && end(name.bytes().next()) && end(name.bytes().last()) && name.bytes().all(inner)
}

fn is_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && part.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_parts_between_dots() {
        for good in ["a", "0", "a-b", "a.b-c.d1", &"a".repeat(253)] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "-a", "a-", "A", "a_b", "a/b", "a\n", "ü", &"a".repeat(254)] {
            assert!(!is_subdomain(bad), "{bad:?}");
        }
        assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)) && !is_label("a.b"));
    }
}
