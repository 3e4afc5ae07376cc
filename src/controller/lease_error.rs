//! Why a process that has to be the only one can't be, and what to do.

use super::options::LeaseName;
use thiserror::Error;

/// Why a process that wants to be the only one can't be.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// Another one is there.
    #[error(
        "an operator is running: {holder} holds the lease {} in namespace {}. Stop it first, and wait until {}",
        .lease.name, .lease.namespace, gone(.holder, .lease)
    )]
    Held {
        /// Its name.
        holder: String,
        /// What it holds.
        lease: LeaseName,
    },
    /// The lease can't be read.
    #[error("whether an operator is running can't be found out: {0}; --leader-elect=false does not ask")]
    Unreadable(String),
    /// The uninstall has run already, as when Helm goes back to the revision that asked for it.
    #[error(
        "this uninstall has run already, or a later one has: the Lease {0} says so. It releases nothing a second time. To \
         have the operator back: helm upgrade with --set uninstall.enabled=false,uninstall.policies=keep"
    )]
    Repeated(String),
    /// Another process took it at the same time, or it can't be written.
    #[error("the lease {0} could not be taken: another operator has it, or it can't be written")]
    NotTaken(String),
}

/// What to wait for, and the command for it where the holder is a pod of a Deployment, as its name tells. A pod's Lease
/// is in its own namespace.
fn gone(holder: &str, lease: &LeaseName) -> String {
    let Some(name) = deployment(holder) else { return "that process has ended".into() };
    format!("its pods are gone: kubectl -n {} scale deployment/{name} --replicas=0", lease.namespace)
}

/// The Deployment of the pod that this holder is named after.
fn deployment(holder: &str) -> Option<&str> {
    // what Kubernetes appends to a Deployment's name for its pods has these letters alone
    let generated = |text: &str| text.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let (pod, _) = holder.rsplit_once('_')?;
    let (rest, suffix) = pod.rsplit_once('-')?;
    let (name, hash) = rest.rsplit_once('-')?;
    (suffix.len() == 5 && (8..=10).contains(&hash.len()) && generated(suffix) && generated(hash)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_stops_the_holder_names_its_deployment_whatever_it_is_called() {
        let lease = || LeaseName { namespace: "system".into(), name: "a".into() };
        let said = |holder: &str| LeaseError::Held { holder: holder.into(), lease: lease() }.to_string();
        for name in ["session-policy-operator", "policies-osp", "osp"] {
            let said = said(&format!("{name}-6bd4f8c79d-x2v7z_0123456789abcdef"));
            assert!(said.ends_with(&format!("kubectl -n system scale deployment/{name} --replicas=0")), "{said}");
        }
        for other in ["laptop_0123456789abcdef", "osp-uninstall-x2v7z_0123456789abcdef", "gone"] {
            assert!(said(other).ends_with("wait until that process has ended"), "{}", said(other));
        }
    }
}
