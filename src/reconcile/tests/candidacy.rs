//! A process that wants to lead for resources for which somebody leads by a Lease of another name.

use crate::reconcile::{Candidacy, CandidacyStep, Lease, LeaseRequest, LeaseResponse, OtherLease};
use jiff::Timestamp;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const WALL: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn candidate() -> Candidacy {
    Candidacy::new("operator".into(), "pod-1".into(), 10 * SECOND)
}

fn other(name: &str, version: &str) -> OtherLease {
    OtherLease { name: name.into(), holder: "pod-2".into(), duration: 15 * SECOND, version: version.into() }
}

/// The own Lease, which somebody gave back.
fn given_back(settled: bool) -> LeaseResponse {
    LeaseResponse::Found(Lease { settled, ..Lease::default() }, "1".into())
}

/// What it sends now.
fn request(candidacy: &Candidacy, now: Duration) -> LeaseRequest {
    match candidacy.next(now, WALL) {
        CandidacyStep::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

/// It reads its own Lease, and is about to write it.
fn about_to_claim(read: LeaseResponse) -> Candidacy {
    let mut candidacy = candidate();
    candidacy.handle_look(Some(vec![]), Duration::ZERO, 1.0);
    candidacy.handle(LeaseRequest::Read, read, Duration::ZERO, Duration::ZERO, 1.0);
    assert_eq!(candidacy.next(Duration::ZERO, WALL), CandidacyStep::Look, "somebody may have come meanwhile");
    candidacy.handle_look(Some(vec![]), Duration::ZERO, 1.0);
    candidacy
}

/// It has written its own Lease, and looks once more before it leads.
fn claims(read: LeaseResponse) -> Candidacy {
    let mut candidacy = about_to_claim(read);
    let write = request(&candidacy, Duration::ZERO);
    candidacy.handle(write, LeaseResponse::Written("2".into()), Duration::ZERO, Duration::ZERO, 1.0);
    assert_eq!(candidacy.next(Duration::ZERO, WALL), CandidacyStep::Look);
    candidacy
}

#[test]
fn who_is_alone_after_its_claim_leads() {
    let mut candidacy = claims(LeaseResponse::Missing);
    assert!(candidacy.term(Duration::ZERO).is_none());
    candidacy.handle_look(Some(vec![]), Duration::ZERO, 1.0);
    assert!(candidacy.term(Duration::ZERO).is_some());
    assert_eq!((candidacy.holder(), candidacy.is_held_by_other()), (Some("pod-1"), false));
}

#[test]
fn of_two_that_claim_at_once_the_one_with_the_smaller_name_stays() {
    for (name, stays) in [("an-operator", false), ("the-operator", true)] {
        let mut candidacy = claims(LeaseResponse::Missing);
        candidacy.handle_look(Some(vec![other(name, "1")]), Duration::ZERO, 1.0);
        assert_eq!(candidacy.waits_for().is_none(), stays, "{name}");
        let waits = matches!(candidacy.next(Duration::ZERO, WALL), CandidacyStep::Wait(_));
        assert_eq!(waits, stays, "{name}: who stays looks again, and the other gives its Lease back");
        assert!(candidacy.term(Duration::ZERO).is_none(), "{name}");
    }
}

#[test]
fn a_lease_that_is_held_at_the_first_look_is_no_reason_not_to_read_the_own_one() {
    let mut candidacy = candidate();
    candidacy.handle_look(Some(vec![other("another", "1")]), Duration::ZERO, 1.0);
    assert_eq!(request(&candidacy, Duration::ZERO), LeaseRequest::Read);
    assert_eq!(candidacy.waits_for(), Some(&other("another", "1")));
    candidacy.handle_look(Some(vec![other("another", "1")]), Duration::ZERO, 1.0);
    assert_eq!(candidacy.next(Duration::ZERO, WALL), CandidacyStep::Wait(3 * SECOND), "at the second one it waits");
}

#[test]
fn who_can_not_look_neither_claims_nor_leads_and_looks_again() {
    let mut candidacy = about_to_claim(LeaseResponse::Missing);
    candidacy.handle_look(None, SECOND, 1.0);
    assert_eq!(candidacy.next(SECOND, WALL), CandidacyStep::Wait(4 * SECOND));
    let mut candidacy = claims(LeaseResponse::Missing);
    candidacy.handle_look(None, SECOND, 1.0);
    assert_eq!(candidacy.next(SECOND, WALL), CandidacyStep::Wait(SECOND + SECOND / 2));
    assert!(candidacy.term(SECOND).is_none());
}

#[test]
fn a_claim_is_given_back_as_settled_as_it_was_found() {
    for settled in [false, true] {
        let candidacy = claims(given_back(settled));
        let Some(LeaseRequest::Write(lease, over)) = candidacy.release(Duration::ZERO, WALL, !settled) else {
            panic!("it is not given back")
        };
        assert_eq!((lease.holder.as_str(), lease.settled, over.as_deref()), ("", settled, Some("2")));
    }
}

#[test]
fn a_holder_is_known_to_be_there_once_its_lease_was_seen_to_be_renewed() {
    let mut candidacy = candidate();
    for (version, is_there) in [("1", false), ("2", true)] {
        candidacy.handle_look(Some(vec![other("another", version)]), Duration::ZERO, 1.0);
        assert_eq!(candidacy.is_renewed(&other("another", version)), is_there);
        let renewed =
            Lease { holder: "pod-3".into(), renewed: version.parse().ok().map(renewed_at), ..Lease::default() };
        let found = LeaseResponse::Found(renewed, version.into());
        candidacy.handle(LeaseRequest::Read, found, Duration::ZERO, Duration::ZERO, 1.0);
        assert_eq!((candidacy.holder(), candidacy.is_held_by_other()), (Some("pod-3"), is_there));
    }
}

fn renewed_at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
