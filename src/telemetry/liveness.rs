//! Whether a restart would help, which is all that `/livez` may say no to: the kubelet restarts a pod for
//! it. No restart brings an API server back that does not answer, nor a definition, nor a right. So it
//! fails only where this process is at fault: it asks for the watch no more, or gets nothing for it while
//! the API server answers its other requests, as with a connection that is dead at the other end.

use std::time::Duration;
use tokio::time::Instant;

/// A watch that is silent for longer is dead, if it is not the API server. That one sends a bookmark about
/// once a minute, and the watch itself is renewed more often than this.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(5 * 60);
/// A response to another request shows for so long that the API server answers.
const ANSWERS: Duration = Duration::from_secs(60);

/// When what last happened between this process and the API server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    /// The watch had an event or a bookmark, or a page of a list.
    pub(super) event: Instant,
    /// It was asked for.
    pub(super) asked: Instant,
    /// It was answered, also with a refusal: more than that no restart can get.
    pub(super) answered: Instant,
    /// Another request had a response; `None`: none had any yet.
    pub(super) other: Option<Instant>,
    /// Another request had none.
    pub(super) unanswered: Option<Instant>,
}

impl Traffic {
    pub(super) const fn new(now: Instant) -> Self {
        Self { event: now, asked: now, answered: now, other: None, unanswered: None }
    }

    /// Why only a restart can help, if it can.
    pub(super) fn stuck(&self, now: Instant) -> Option<&'static str> {
        let recent = |at: Instant, span: Duration| now.duration_since(at) < span;
        if !recent(self.event.max(self.asked), LONGEST_SILENCE) {
            return Some("the watch was not asked for in five minutes");
        }
        let answers = self.other.is_some_and(|at| recent(at, ANSWERS))
            && !self.unanswered.is_some_and(|at| recent(at, LONGEST_SILENCE));
        let silent = !recent(self.event.max(self.answered), LONGEST_SILENCE);
        (silent && answers).then_some("the watch has had no response for five minutes, and other requests have")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Eleven minutes, in each of whose ten-second steps `step` happens; what was wrong at their end.
    fn after(step: impl Fn(&mut Traffic, Instant, u32)) -> Option<&'static str> {
        let start = Instant::now();
        let mut traffic = Traffic::new(start);
        let mut wrong = None;
        for nth in 0..66 {
            let now = start + Duration::from_secs(10) * nth;
            step(&mut traffic, now, nth);
            wrong = traffic.stuck(now);
        }
        wrong
    }

    #[test]
    fn an_api_server_that_does_not_answer_is_no_reason_to_restart_nor_is_its_return() {
        let outage = |traffic: &mut Traffic, now| {
            traffic.asked = now;
            traffic.unanswered = Some(now);
        };
        assert_eq!(after(|traffic, now, _| outage(traffic, now)), None);
        // the other requests get through first, while the watch still waits for its next try
        let back = |traffic: &mut Traffic, now, nth| {
            if nth < 60 {
                outage(traffic, now);
            } else {
                traffic.other = Some(now);
            }
        };
        assert_eq!(after(back), None);
    }

    #[test]
    fn a_watch_that_is_refused_or_whose_definition_is_missing_is_no_reason_to_restart() {
        let refused = |traffic: &mut Traffic, now, _| {
            (traffic.asked, traffic.answered, traffic.other) = (now, now, Some(now));
        };
        assert_eq!(after(refused), None);
    }

    #[test]
    fn row_119_a_watch_without_a_response_beside_requests_that_have_one_is_dead_until_it_shows_something() {
        let dead = |traffic: &mut Traffic, now, _| (traffic.asked, traffic.other) = (now, Some(now));
        let says = "the watch has had no response for five minutes, and other requests have";
        assert_eq!(after(dead), Some(says));
        let alive = |traffic: &mut Traffic, now, nth| {
            dead(traffic, now, nth);
            if nth == 60 {
                traffic.event = now;
            }
        };
        assert_eq!(after(alive), None);
    }

    #[test]
    fn a_loop_that_asks_for_nothing_any_more_is_dead_whatever_the_api_server_does() {
        assert_eq!(after(|_, _, _| {}), Some("the watch was not asked for in five minutes"));
        let outage = |traffic: &mut Traffic, now, _| traffic.unanswered = Some(now);
        assert_eq!(after(outage), Some("the watch was not asked for in five minutes"));
    }

    #[test]
    fn a_quiet_watch_is_alive_for_as_long_as_it_is_renewed() {
        let start = Instant::now();
        let traffic = Traffic::new(start);
        assert_eq!(traffic.stuck(start + MINUTE * 4), None);
        assert!(traffic.stuck(start + LONGEST_SILENCE).is_some());
    }
}
