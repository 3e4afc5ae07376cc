use super::*;
use crate::scalekit::pace::{Pace, Ready};

const SECOND: Duration = Duration::from_secs(1);

/// How a server says when all is there again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    RoundedUp,
    RoundedDown,
    WhenTheNextOneIs,
}

/// A server with a bucket of its own, that reports what is left.
struct Server {
    rate: f64,
    burst: f64,
    level: f64,
    at: Instant,
    says: Says,
    /// What it tells of its limit.
    limit: f64,
    start: Instant,
}

impl Server {
    fn answers(&mut self, now: Instant) -> Option<Allowance> {
        let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
        (self.level, self.at) = ((self.level + gained).min(self.burst), now);
        if self.level < 1.0 {
            return None;
        }
        self.level -= 1.0;
        let clock = 1000.3 + now.duration_since(self.start).as_secs_f64();
        let full = clock + (self.burst - self.level) / self.rate;
        let reset = match self.says {
            Says::Nothing => None,
            Says::RoundedUp => Some(full.ceil()),
            Says::RoundedDown => Some(full.floor()),
            Says::WhenTheNextOneIs => Some((clock + (1.0 - self.level.fract()) / self.rate).ceil()),
        };
        let reset = reset.map(|reset| reset - clock).filter(|wait| *wait > 0.0).map(Duration::from_secs_f64);
        Some(Allowance { left: self.level.floor(), limit: Some(self.limit), reset })
    }
}

/// How long `requests` take, one after the other, and how many get a 429.
fn drive(pace: &mut Pace, server: &mut Server, requests: usize) -> (Duration, usize) {
    drive_for(true, pace, server, requests)
}

fn drive_for(awaited: bool, pace: &mut Pace, server: &mut Server, requests: usize) -> (Duration, usize) {
    let (latency, mut now, mut refused) = (Duration::from_millis(5), server.start, 0);
    let mut left = requests;
    while left > 0 {
        match pace.ready(now, awaited) {
            Ready::At(at) => {
                now = at;
                continue;
            }
            Ready::WhenAnswered => unreachable!("one after the other"),
            Ready::Now => {}
        }
        pace.take(now);
        let answer = server.answers(now + latency / 2);
        now += latency;
        match answer {
            Some(allowance) => {
                pace.on_allowance(now, allowance);
                pace.on_response(now);
                left -= 1;
            }
            None => {
                refused += 1;
                pace.on_rate_limited(now, Some(SECOND));
            }
        }
        pace.ended(now);
    }
    (now - server.start, refused)
}

#[test]
fn row_010_a_server_that_says_what_is_left_is_asked_as_fast_as_it_refills_and_not_faster() {
    for says in [Says::Nothing, Says::RoundedUp, Says::RoundedDown, Says::WhenTheNextOneIs] {
        for (rate, burst) in [(2.0, 2.0), (5.0, 5.0), (1.0, 3.0), (4.0, 20.0)] {
            let start = Instant::now();
            let mut server = Server { rate, burst, level: burst, at: start, says, limit: burst, start };
            let (took, refused) = drive(&mut Pace::new(10.0, start), &mut server, 60);
            let floor = (60.0 - burst) / rate;
            let case = format!("{says:?} {rate}/s burst {burst}: {took:?} of {floor} s, {refused} refused");
            assert!(refused == 0, "{case}");
            assert!(took.as_secs_f64() <= 1.2 * 60.0 / rate, "{case}");
        }
    }
}

#[test]
fn row_010_nothing_is_kept_of_a_limit_of_which_so_many_are_never_left() {
    for (rate, burst) in [(2.0, 2.0), (5.0, 2.0), (4.0, 3.0)] {
        let start = Instant::now();
        let mut server = Server { rate, burst, level: burst, at: start, says: Says::RoundedUp, limit: 1000.0, start };
        let (took, refused) = drive_for(false, &mut Pace::new(10.0, start), &mut server, 200);
        let floor = (200.0 - burst) / rate;
        assert!(refused == 0 && took.as_secs_f64() <= 1.2 * floor, "{rate}/s burst {burst}: {took:?} of {floor} s");
    }
}

#[test]
fn row_010_after_a_rest_no_more_is_sent_at_once_than_the_server_ever_has() {
    let start = Instant::now();
    let mut server = Server { rate: 2.0, burst: 2.0, level: 2.0, at: start, says: Says::RoundedUp, limit: 2.0, start };
    let mut pace = Pace::new(10.0, start);
    drive(&mut pace, &mut server, 20);
    let later = start + Duration::from_secs(120);
    let mut at_once = 0;
    while pace.ready(later, true) == Ready::Now {
        pace.take(later);
        at_once += 1;
    }
    assert_eq!(at_once, 2);
}

#[test]
fn row_010_a_report_that_does_not_come_again_counts_for_nothing_after_a_few_responses() {
    let start = Instant::now();
    let (mut pace, mut now) = (Pace::new(10.0, start), start);
    pace.on_allowance(now, Allowance { left: 0.0, limit: None, reset: None });
    for _ in 0..60 {
        if let Ready::At(at) = pace.ready(now, true) {
            now = at;
        }
        pace.take(now);
        pace.on_response(now);
        pace.ended(now);
    }
    assert!(now - start < Duration::from_secs(20), "{:?}", now - start);
}

#[test]
fn row_010_a_report_that_all_is_used_up_for_a_day_silences_the_environment_for_a_minute_at_most() {
    let start = Instant::now();
    let (mut pace, mut now) = (Pace::new(10.0, start), start);
    pace.on_allowance(now, Allowance { left: 0.0, limit: Some(60.0), reset: Some(SECOND * 86_400) });
    for served in 1..=20 {
        while let Ready::At(at) = pace.ready(now, true) {
            now = at;
        }
        pace.take(now);
        pace.on_allowance(now, Allowance { left: f64::from(60 - served), limit: Some(60.0), reset: Some(SECOND) });
        pace.on_response(now);
        pace.ended(now);
    }
    assert!(now - start <= Duration::from_secs(65), "{:?}", now - start);
}

#[test]
fn row_010_a_window_that_refills_all_at_once_costs_few_429s() {
    let start = Instant::now();
    let (mut pace, mut now, mut refused, mut served) = (Pace::new(10.0, start), start, 0, 0);
    let (window, limit) = (Duration::from_secs(60), 60);
    let (mut left, mut ends) = (limit, start + window);
    while served < 240 {
        if let Ready::At(at) = pace.ready(now, true) {
            now = at;
            continue;
        }
        pace.take(now);
        while now >= ends {
            (left, ends) = (limit, ends + window);
        }
        if left == 0 {
            refused += 1;
            pace.on_rate_limited(now, Some(ends - now));
        } else {
            left -= 1;
            served += 1;
            let allowance = Allowance { left: f64::from(left), limit: Some(60.0), reset: Some(ends - now) };
            pace.on_allowance(now, allowance);
            pace.on_response(now);
        }
        pace.ended(now);
    }
    assert!(refused <= 4, "{refused}");
    assert!(now - start <= window * 4, "{:?}", now - start);
}
