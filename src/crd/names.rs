//! The shapes of Kubernetes' own names.

/// A DNS-1123 subdomain, which is what most names must be; at most 253
/// characters.
pub(super) const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
