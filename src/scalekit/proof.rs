//! What is remembered of tokens at their issuers, and where issuers are reached.

use super::{Environment, address::Address, pruned::Pruned};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a token that was not found good is not tried again.
const PAUSE: Duration = Duration::from_secs(2 * 60);

/// What became of a token at its issuer.
pub(super) struct Proof {
    token: u64,
    /// Where it was tried.
    address: Address,
    result: ProofResult,
    at: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ProofResult {
    /// The issuer showed the organization.
    Good,
    /// It answered otherwise.
    Refused,
    /// It did not answer, or said nothing about the token.
    Silent,
}

impl Proof {
    pub(super) fn new(token: u64, address: Address, result: ProofResult) -> Self {
        Self { token, address, result, at: Instant::now() }
    }

    /// The result for the token of this number, while it need not be tried at
    /// `address`: a good one for the life of the token, another one for a while.
    pub(super) fn still(&self, token: u64, address: &Address) -> Option<ProofResult> {
        let tried = self.address == *address && self.at.elapsed() < PAUSE;
        (self.token == token && (tried || self.result == ProofResult::Good)).then_some(self.result)
    }
}

/// The issuers that a believed host has named, and the address of that host. Each
/// reconcile behind it says so again.
#[derive(Default)]
pub(super) struct Issuers(Mutex<Pruned<Environment, Address>>);

impl Issuers {
    pub(super) fn learn(&self, issuer: &Environment, address: &Address) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.get_or_insert(issuer.clone(), |_| false, || address.clone()) = address.clone();
    }

    pub(super) fn address(&self, issuer: &Environment) -> Option<Address> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned()
    }
}
