//! What is remembered of a resource between two reconciles.

use crate::reconcile::{History, HistoryEvent};
use jiff::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn no_more_corrections_are_kept_than_matter() {
    let mut history = History::default();
    (0..20).for_each(|_| history.record(HistoryEvent::CorrectionSent, MINUTE));
    assert_eq!(history.corrections(MINUTE), 8);
}

#[test]
fn row_081_a_wait_ends_by_the_clock_of_the_process_that_announced_it_and_not_later_for_being_announced_again() {
    let (until, another) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + MINUTE);
    let mut history = History::default();
    history.record(HistoryEvent::WaitAnnounced(until, MINUTE * 10), MINUTE);
    history.record(HistoryEvent::WaitAnnounced(until, MINUTE * 10), MINUTE * 4);
    assert_eq!(history.wait_left(until, MINUTE * 4), MINUTE * 7);
    assert_eq!(history.wait_left(until, MINUTE * 20), Duration::ZERO);
    assert_eq!(history.wait_left(another, MINUTE * 4), Duration::ZERO, "another process announced it");
    history.record(HistoryEvent::WaitAnnounced(another, MINUTE), MINUTE * 4);
    assert_eq!(history.wait_left(another, MINUTE * 4), MINUTE);
}

#[test]
fn a_claim_is_contested_by_all_that_met_it_since_it_was_confirmed() {
    for order in [[true, false], [false, true]] {
        let mut history = History::default();
        for (elsewhere, minute) in order.into_iter().zip([0, 100]) {
            history.record(HistoryEvent::Contested { elsewhere }, MINUTE * minute);
        }
        assert!(history.is_contested_elsewhere(), "{order:?}");
        assert!(history.was_just_confirmed(MINUTE * 100) && !history.is_excusable(MINUTE * 100), "{order:?}");
        history.record(HistoryEvent::Confirmed, MINUTE * 101);
        assert!(!history.is_contested() && history.is_excusable(MINUTE * 200));
        assert_eq!(history.confirmed_age(MINUTE * 103), Some(MINUTE * 2));
    }
}

#[test]
fn what_somebody_waits_for_is_awaited_as_long_as_nothing_gets_through() {
    let mut history = History::default();
    history.record(HistoryEvent::Reached(false), MINUTE);
    assert_eq!(history.awaited_for(MINUTE * 3), Duration::ZERO);
    history.record(HistoryEvent::HeldUp(true), MINUTE * 2);
    assert_eq!(history.awaited_for(MINUTE * 3), MINUTE * 2);
}
