use super::*;
use crate::scalekit::refill::LONGEST_PAUSE;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_first_request_to_a_host_goes_alone() {
    let now = Instant::now();
    let mut pace = Pace::new(10.0, now);
    pace.take(now);
    assert_eq!(pace.ready(now, true), Ready::WhenAnswered);
    pace.ended(now);
    (0..9).for_each(|_| pace.take(now));
    assert_ne!(pace.ready(now, true), Ready::Now, "a burst is as large as the rate");
}

#[test]
fn what_is_under_way_is_not_there_any_more() {
    let now = Instant::now();
    let mut pace = Pace::new(10.0, now);
    pace.take(now);
    pace.on_allowance(now, Allowance { left: 2.0, limit: None, reset: Some(SECOND * 30) });
    pace.ended(now);
    assert_eq!(
        [(); 3].map(|()| (pace.ready(now, true) == Ready::Now).then(|| pace.take(now))),
        [Some(()), Some(()), None]
    );
    pace.put_back(now);
    assert_eq!(pace.ready(now, true), Ready::Now, "it was not sent");
}

#[test]
fn what_was_not_sent_because_of_a_429_does_not_go_out_in_one_burst_after_the_pause() {
    let now = Instant::now();
    let mut pace = Pace::new(10.0, now);
    pace.take(now);
    pace.ended(now);
    (0..8).for_each(|_| pace.take(now));
    let after = now + pace.on_rate_limited(now, Some(SECOND));
    pace.ended(now);
    (0..7).for_each(|_| pace.put_back(now));
    let mut sent = 0;
    while pace.ready(after, true) == Ready::Now && sent < 10 {
        pace.take(after);
        pace.on_response(after);
        pace.ended(after);
        sent += 1;
    }
    assert_eq!(sent, 1, "what a server that has refused one takes at once is learned anew");
}

#[test]
fn row_010_a_pause_stops_everybody_until_it_is_over_and_is_never_shortened() {
    let now = Instant::now();
    let mut pace = Pace::new(10.0, now);
    assert_eq!(pace.on_rate_limited(now, Some(Duration::ZERO)), SECOND);
    assert_eq!(pace.on_rate_limited(now, Some(SECOND * 30)), SECOND * 30);
    assert_eq!(pace.ready(now + SECOND * 29, true), Ready::At(now + SECOND * 30));
    assert_eq!(pace.on_rate_limited(now, Some(Duration::from_secs(86_000))), LONGEST_PAUSE);
    assert_eq!(pace.on_rate_limited(now, Some(SECOND)), LONGEST_PAUSE);
    assert_eq!(pace.on_rate_limited(now, None), LONGEST_PAUSE);
    assert_eq!(pace.remaining_pause(now + LONGEST_PAUSE), None);
}

/// How long it takes until the rate is this one, if each request is answered.
fn answered_until(pace: &mut Pace, start: Instant, rate: f64) -> Duration {
    let mut now = start;
    while pace.rate < rate {
        if let Ready::At(at) = pace.ready(now, true) {
            now = at;
        }
        pace.take(now);
        pace.on_response(now);
        pace.ended(now);
    }
    now - start
}

#[test]
fn row_012_a_429_halves_the_rate_once_per_burst_and_answers_bring_it_back() {
    for hint in [None, Some(SECOND)] {
        let mut now = Instant::now();
        let mut pace = Pace::new(10.0, now);
        let pause = pace.on_rate_limited(now, hint);
        pace.on_rate_limited(now, hint);
        pace.on_response(now);
        assert_eq!(pace.rate, SLOW_START);
        now += pause;
        let pause = pace.on_rate_limited(now, hint);
        assert_eq!(pace.rate, SLOW_START, "the pause was too short, the rate was not tried");
        now += pause;
        pace.on_response(now);
        let raised = SLOW_START * (1.0 + RECOVERY);
        assert_eq!((pace.rate, pace.without_hint), (raised, 0));
        let pause = pace.on_rate_limited(now, hint);
        assert_eq!(pace.rate, raised / 2.0);
        now += pause;
        pace.on_response(now);
        let took = answered_until(&mut pace, now, 10.0);
        assert!(took < SECOND * 1200, "{took:?}");
    }
}

#[test]
fn row_012_after_429s_with_little_between_them_the_rate_comes_back_as_soon_as_after_one() {
    let until_half = |refusals: usize| {
        let mut now = Instant::now();
        let mut pace = Pace::new(10.0, now);
        for _ in 0..refusals {
            now += pace.on_rate_limited(now, Some(SECOND));
            pace.on_response(now);
        }
        answered_until(&mut pace, now, 5.0)
    };
    assert!(until_half(1) < SECOND * 10 && until_half(6) < SECOND * 100, "{:?}", [1, 6].map(until_half));
}

/// One request after the other to a server that allows so many a second, in bursts of so many, and asks to wait for
/// `hint` where that is too fast: when each is sent, and whether it is answered.
fn requests(allowed: f64, burst: f64, hint: Duration) -> impl Iterator<Item = (Duration, bool)> {
    let start = Instant::now();
    let (mut pace, mut now, mut level) = (Pace::new(10.0, start), start, burst);
    std::iter::from_fn(move || {
        while let Ready::At(at) = pace.ready(now, true) {
            level = (level + (at - now).as_secs_f64() * allowed).min(burst);
            now = at;
        }
        pace.take(now);
        let answered = level >= 1.0;
        if answered {
            level -= 1.0;
            pace.on_response(now);
        } else {
            pace.on_rate_limited(now, Some(hint));
        }
        pace.ended(now);
        Some((now - start, answered))
    })
}

#[test]
fn without_a_word_of_the_server_few_requests_meet_a_429_once_the_rate_is_learned() {
    let refused = requests(2.0, 2.0, SECOND).take(400).skip(100).filter(|(_, answered)| !answered).count();
    assert!(refused <= 12, "{refused} of 300");
}

#[test]
fn a_server_of_one_request_a_second_that_always_says_to_wait_for_half_a_minute_is_used_by_a_third_and_seldom_refuses() {
    for burst in [1.0, 2.0] {
        let sent = requests(1.0, burst, SECOND * 30).take_while(|(at, _)| *at < SECOND * 1800);
        let (answered, refused): (Vec<_>, Vec<_>) = sent.partition(|(_, answered)| *answered);
        let (answered, refused) = (answered.len(), refused.len());
        assert!(answered >= 600 && refused * 20 < answered, "burst {burst}: {answered} answered, {refused} refused");
    }
}

#[test]
fn row_010_a_server_that_always_says_that_two_are_left_is_asked_by_what_is_at_rest_too() {
    let start = Instant::now();
    let (mut pace, mut now) = (Pace::new(10.0, start), start);
    for _ in 0..60 {
        while let Ready::At(at) = pace.ready(now, false) {
            now = at;
        }
        pace.take(now);
        pace.on_allowance(now, Allowance { left: 2.0, limit: Some(100.0), reset: Some(SECOND * 60) });
        pace.on_response(now);
        pace.ended(now);
    }
    assert!(now - start <= SECOND * 20, "{:?}", now - start);
}
