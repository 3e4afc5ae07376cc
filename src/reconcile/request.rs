//! What a reconcile asks of the world, one effect at a time, and what comes
//! back. [`next`](super::next()) decides, the shell carries out.

use super::{
    Access, Cached, Claimant, CredentialsError, Found, Organization, Outcome, Release, RemoteError, RemoteRequest,
    RemoteResponse, step,
};
use std::time::Duration;

/// The next thing to do about a resource.
pub type Step = step::Step<Request, Outcome>;

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// Read the resource.
    ReadResource {
        /// From the API server, also where the cache has it at rest.
        fresh: bool,
    },
    /// Read its namespace.
    ReadNamespace,
    /// Read its Secret, or the operator's default credentials.
    ReadCredentials {
        /// Not from the cache.
        fresh: bool,
    },
    /// Take the credentials that were last used, though they are gone: in a
    /// namespace that is being deleted, the Secret usually goes before the
    /// resource.
    ReadLastKnownCredentials,
    /// Find out what the environment calls itself, for the client that has just
    /// read the organization. It can't fail.
    ReadIssuer,
    /// Find the other resources that claim the organization just read.
    ReadClaimants,
    /// Write into the status that work is under way, and on which organization.
    ReportProgress,
    /// Add our finalizer, if the uid is still this one.
    AddFinalizer,
    /// Remove our finalizer, if the uid is still this one.
    RemoveFinalizer(Release),
    /// Send this to Scalekit.
    Remote(RemoteRequest),
}

/// The response to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// To `ReadResource`.
    Resource(Found),
    /// To `ReadResource`, where that need not be fresh.
    Cached(Cached),
    /// To `ReadNamespace`.
    Namespace {
        /// It is going.
        terminating: bool,
    },
    /// To `ReadCredentials` and `ReadLastKnownCredentials`.
    Credentials(Result<Access, CredentialsError>),
    /// To `ReadIssuer`.
    Issuer {
        /// What the environment calls itself; `None`: its host, as far as is known.
        known: Option<String>,
        /// What it says that it is, where that could not be verified now.
        alleged: Option<String>,
    },
    /// To `ReadClaimants`.
    Claimants {
        /// The resource itself.
        own: Claimant,
        /// All others that are found at [`State::claim_keys`](super::State::claim_keys).
        others: Vec<Claimant>,
    },
    /// To a write to the API server.
    Cluster(ClusterWrite),
    /// To a call to Scalekit.
    Remote(Result<RemoteResponse, RemoteError>),
    /// To a read of the organization that was not sent, since the list has shown it
    /// ([`State::listable`](super::State::listable)).
    Listed {
        /// As far as the list shows it.
        organization: Organization,
        /// How long ago that was.
        age: Duration,
    },
}

/// What became of a write to the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterWrite {
    /// Done.
    Done,
    /// The resource is gone, or another one has its name.
    Gone,
    /// The resource is no longer as it was read.
    Outdated,
}
