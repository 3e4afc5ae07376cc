//! The decision, without IO: [`next()`] takes what a reconcile has seen so far
//! and names the one next [`Request`], or how the reconcile ended. The
//! operator, the CLI and the tests run the same code.
//!
//! A reconcile starts with an empty [`State`]; `next` gives a [`Step`]; the
//! shell carries its request out and the state handles the [`Response`]; until
//! the step is `Step::Done`. What is remembered until the next reconcile is
//! [`History`]. Arrows between the files go one way: the state knows no words,
//! decisions read no words, and the wording (`status`, `events`) reads both.

mod apply;
mod audit;
mod cached;
mod candidacy;
mod claims;
mod condition;
mod contention;
mod credentials;
mod deletion;
mod demand;
mod election;
mod error;
mod events;
mod features;
mod fence;
mod freshness;
mod goal;
mod history;
mod in_effect;
mod lanes;
mod lease;
mod note;
mod observation;
mod other_leases;
mod outages;
mod outcome;
mod overdue;
mod ownership;
mod past;
mod reads;
mod reason;
mod recorded;
mod remote;
mod remote_request;
mod report;
mod request;
mod requeue;
mod resource;
mod settings;
mod state;
mod status;
mod step;
mod sweep;
#[cfg(test)]
mod tests;
mod watched;
mod wording;

pub use audit::{Audit, Drift, WROTE, WriteResult, is_told_for_all};
pub use candidacy::{Candidacy, CandidacyStep};
pub use condition::{Condition, ConditionStatus, ConditionType};
pub use credentials::{Access, CredentialsError, CredentialsKey, CredentialsSource, InvalidValue, ReadError};
pub use deletion::{restores, without_revert};
pub use demand::Demand;
pub use election::{Election, ElectionStep, Lease, LeaseRequest, LeaseResponse};
pub use error::{Detail, ErrorClass, ErrorKind, PATIENCE, RemoteError};
pub use events::{Event, events};
pub use goal::{Declared, Goal};
pub use history::{HOUR, History, HistoryEvent};
pub use lanes::{Lane, Lanes};
pub use lease::{Predecessor, Term};
pub use note::{Crash, Note};
pub use observation::{Application, FlagWrites, Observation, PolicyWrites};
pub use other_leases::{OtherLease, OtherLeases};
pub use outages::{Outages, reached};
pub use outcome::{Hold, Outcome, Release};
pub use overdue::{Backlog, Backlogs, Load, OldestObservation, REQUESTS_AT_REST, falls_behind, is_late};
pub use ownership::{Claim, ClaimKey, Claimant, Contest, InSync, Ownership, Writer, owner, ownership};
pub use past::Past;
pub use reads::Reads;
pub use reason::{Reason, reasons_page};
pub use remote::{RemoteOutcome, RemoteStep, next as next_remote, read_before};
pub use remote_request::{Feature, Organization, RemoteRequest, RemoteResponse, SESSION_POLICY};
pub use report::{Report, STATUS_TRIES};
pub use request::{ClusterWrite, Request, Response, Step};
pub use requeue::{NextReconcile, Requeue, next_reconcile, requeue};
pub use resource::{Cached, ClaimState, Found, Pinned, PlannedRelease, Resource, requested};
pub use settings::Settings;
pub use state::State;
pub use status::{Observed, StatusUpdate};
pub use step::MAX_STEPS;
pub use watched::{Trigger, Watched};
pub use wording::{Audience, hold_message, problem, violations_message};

use jiff::Timestamp;
use state::Refusal;

/// The next step, given all that this reconcile has seen. No IO; `now` only
/// for times that the status has announced.
///
/// Each step is decided anew from all that responses said so far; what is not
/// known yet is asked for, in this order:
///
/// | | a resource that stays (`apply`) | one being deleted (`deletion`) |
/// |---|---|---|
/// | 1 | read it; one at rest from the cache (`cached`) | read it from the API server; without our finalizer: done |
/// | 2 | its spec: invalid or suspended: done | invalid: wait for the grace; nothing to revert: 8 |
/// | 3 | its credentials: none: done | none, or of another environment than the pinned one: wait for the grace, or until another's policy is live |
/// | 4 | the organization, by id or external id (`remote`); where nobody waits, from the list (`sweep`) | the pinned organization; missing twice in a row: 8 |
/// | 5 | what the environment calls itself, then who else claims the organization (`ownership`): conflicted: done | the owner or a successor has its policy live: 8; a successor that is not yet in sync: wait, a minute at most; an owner that writes nothing: go on only if the live policy is this one's own |
/// | 6 | the application's policy, then `session_policy` if a custom policy needs it and it is off (not in Observe), then the live policy; nothing to write: 8 | the live policy; as it is to be set back already: 8 |
/// | 7 | the write, confirmed by its echo, at most twice | wait `--revert-delay` for a successor; then the revert, at most twice, confirmed by a read |
/// | 8 | the finalizer is made to fit | an own write may still be applied: wait; then the finalizer goes |
/// | 9 | [`Report::of`]: status, events, next due time, history | the same, while the resource is there |
///
/// For a resource that stays, a write to Scalekit, in 6 or 7, comes after four
/// things: while it has never claimed the organization, up to ten seconds for an
/// older resource that names it and was not reconciled yet; the delay if others
/// keep undoing our writes; the status with the pinned organization and, before the
/// policy, what was live, unless an earlier reconcile has recorded all that and this one
/// has taken less than a second (`recorded`); and the finalizer if deleting the resource
/// would revert anything. A write follows only from a fresh read of the resource and the
/// policy (`freshness`), as does a status that says something new (`cached`); and a list
/// of features is written only right after it was read. No write is sent that could
/// outlast the lease of this process, nor beside one of the leader before (`fence`).
pub fn next(state: &State, now: Timestamp) -> Step {
    if !state.term.is_held(state.clock) {
        return Step::Done(Outcome::NotLeading);
    }
    let step = decide(state, now);
    if cached::is_too_little_for(state, &step) {
        return Step::Request(Request::ReadResource { fresh: true });
    }
    let request = match step {
        Step::Request(Request::Remote(request)) if request.writes() => {
            freshness::stale(state, &request).unwrap_or(Request::Remote(request))
        }
        Step::Request(request) => request,
        Step::Done(outcome) => return Step::Done(outcome),
    };
    fence::ends(state, &request).map_or(Step::Request(request), Step::Done)
}

fn decide(state: &State, now: Timestamp) -> Step {
    match &state.resource {
        Found::Unread => Step::Request(Request::ReadResource { fresh: !cached::may_serve(state) }),
        Found::Outdated(_) => Step::Request(Request::ReadResource { fresh: true }),
        Found::Gone => Step::Done(state.released.clone().map_or(Outcome::Gone, Outcome::Released)),
        Found::Here(_) if state.refusal == Refusal::Pending => Step::Request(Request::ReadCredentials { fresh: true }),
        Found::Here(resource) if state.deleting() => deletion::next(state, resource, now),
        Found::Here(resource) => apply::next(state, resource, now),
    }
}
