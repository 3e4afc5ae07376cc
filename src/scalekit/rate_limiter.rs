//! Who may send a request to one host and port, and when: those who wait get
//! permits by lane and flow ([`Lanes`]), as fast as the [`Pace`] allows.

use super::{
    caller::Caller,
    pace::{Pace, Ready},
    places::Places,
    retry_after::Allowance,
};
use crate::reconcile::{Lanes, PATIENCE};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

/// Shared by all clients of one host and port, or by those that have never got a token.
pub(crate) struct RateLimiter {
    state: Mutex<State>,
    changed: Notify,
}

/// When its reconcile began, and where its permit goes.
type Waiting = (Duration, oneshot::Sender<Result<Permit, Duration>>);

struct State {
    pace: Pace,
    waiting: Lanes<Arc<str>, Waiting>,
    places: Places,
    /// Somebody gives out permits to those who wait.
    dispatching: bool,
}

/// Permission to send one request. Given back unused when it is dropped before
/// [`Permit::sent`].
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<RateLimiter>,
    flow: Arc<str>,
    sent: Option<Instant>,
    /// That of the client's own limit.
    own: Option<Box<Self>>,
}

impl RateLimiter {
    /// `rate` requests per second, bursts of as many.
    pub(crate) fn new(rate: f64) -> Arc<Self> {
        let pace = Pace::new(rate, Instant::now());
        let state = State { pace, waiting: Lanes::default(), places: Places::default(), dispatching: false };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// Waits until a request may be sent. `Err`: the host pauses; try again after
    /// this time.
    pub(crate) async fn acquire(self: &Arc<Self>, caller: &Caller) -> Result<Permit, Duration> {
        let waiting = {
            let mut state = self.lock();
            let now = Instant::now();
            if let Some(left) = state.pace.remaining_pause(now).filter(|left| *left > PATIENCE) {
                return Err(left);
            }
            if state.waiting.is_empty()
                && state.pace.ready(now) == Ready::Now
                && state.places.leave_room(&caller.flow, state.pace.free(), now)
            {
                state.take(now, &caller.flow);
                return Ok(self.permit(&caller.flow));
            }
            let (sender, receiver) = oneshot::channel();
            match caller.first {
                true => state.waiting.push_first(Arc::clone(&caller.flow), (caller.began, sender)),
                false => {
                    let (flow, waiting) = (Arc::clone(&caller.flow), (caller.began, sender));
                    state.waiting.push_before(caller.lane, flow, waiting, |(began, _)| *began > caller.began);
                }
            }
            if !std::mem::replace(&mut state.dispatching, true) {
                tokio::spawn(Arc::clone(self).dispatch());
            }
            receiver
        };
        self.changed.notify_one();
        waiting.await.unwrap_or(Err(PATIENCE))
    }

    /// Gives out permits until nobody waits.
    async fn dispatch(self: Arc<Self>) {
        loop {
            let changed = self.changed.notified();
            let Some(wait) = self.give_out() else { return };
            match wait {
                Ready::Now => {}
                Ready::At(at) => tokio::select! { () = changed => {}, () = sleep_until(at) => {} },
                Ready::WhenAnswered => changed.await,
            }
        }
    }

    /// Gives out what there is now; for what to wait then, `None`: nobody waits.
    fn give_out(self: &Arc<Self>) -> Option<Ready> {
        loop {
            let now = Instant::now();
            let mut state = self.lock();
            if let Some(left) = state.pace.remaining_pause(now).filter(|left| *left > PATIENCE) {
                for (_, waiting) in state.waiting.drain() {
                    drop(waiting.send(Err(left))); // or it gave up
                }
            }
            let ready = state.pace.ready(now);
            if state.waiting.is_empty() {
                state.dispatching = false;
                return None;
            }
            if ready != Ready::Now {
                return Some(ready);
            }
            let State { waiting, places, pace, .. } = &mut *state;
            let Some((flow, (_, next))) = waiting.pop(|_, flow| places.leave_room(flow, pace.free(), now)) else {
                return Some(Ready::WhenAnswered);
            };
            if next.is_closed() {
                continue;
            }
            state.take(now, &flow);
            drop(state); // a permit that nobody takes any more is given back
            drop(next.send(Ok(self.permit(&flow))));
        }
    }

    fn permit(self: &Arc<Self>, flow: &Arc<str>) -> Permit {
        Permit { limiter: Arc::clone(self), flow: Arc::clone(flow), sent: None, own: None }
    }

    /// Permission without waiting.
    pub(super) fn acquire_now(self: &Arc<Self>, caller: &Caller) -> Permit {
        self.lock().take(Instant::now(), &caller.flow);
        self.permit(&caller.flow)
    }

    /// Begins anew, since what was learned so far is true of one client only; returns that.
    pub(super) fn begin_anew(&self) -> Pace {
        let learned = self.lock().pace.begin_anew(Instant::now());
        self.changed.notify_one();
        learned
    }

    /// Takes over what was learned for it.
    pub(super) fn learn(&self, learned: Pace) {
        self.lock().pace.learn(learned);
    }

    /// How many requests a second it lets through, at present.
    pub(super) fn rate(&self) -> f64 {
        self.lock().pace.rate()
    }

    /// How many requests it lets through at once, at present.
    pub(super) fn left(&self) -> f64 {
        self.lock().pace.left(Instant::now())
    }

    /// The rest of the pause after a 429.
    pub(super) fn remaining_pause(&self) -> Option<Duration> {
        self.lock().pace.remaining_pause(Instant::now())
    }

    /// Records a response that is neither a 429 nor a server error.
    pub(crate) fn on_response(&self) {
        self.lock().pace.on_response(Instant::now());
    }

    /// A response said what is left; returns when something is, if nothing is now.
    pub(super) fn on_allowance(&self, allowance: Allowance) -> Option<Instant> {
        let (mut state, now) = (self.lock(), Instant::now());
        state.pace.on_allowance(now, allowance);
        state.pace.reported_ready(now)
    }

    /// A request was answered with a 429 that asks to wait for `hint`. Pauses the
    /// host; returns for how long.
    pub(super) fn on_rate_limited(&self, hint: Option<Duration>) -> Duration {
        let pause = self.lock().pace.on_rate_limited(Instant::now(), hint);
        self.changed.notify_one();
        pause
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, now: Instant, flow: &Arc<str>) {
        self.pace.take(now);
        self.places.take(flow);
    }
}

impl Permit {
    /// The request is about to be sent.
    pub(crate) fn sent(&mut self) {
        self.sent = Some(Instant::now());
        if let Some(own) = &mut self.own {
            own.sent();
        }
    }

    /// Together with the permission of the client's own limit.
    pub(super) fn beside(mut self, own: Self) -> Self {
        self.own = Some(Box::new(own));
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (mut state, now) = (self.limiter.lock(), Instant::now());
        state.places.give_back(&self.flow, self.sent.map_or(Duration::ZERO, |sent| now - sent), now);
        match self.sent {
            Some(_) => state.pace.ended(now),
            None => state.pace.put_back(now),
        }
        drop(state);
        self.limiter.changed.notify_one();
    }
}

impl std::fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RateLimiter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Lane;
    use tokio::time::timeout;

    const SECOND: Duration = Duration::from_secs(1);

    fn caller(lane: Lane, flow: &str) -> Caller {
        Caller { lane, flow: flow.into(), ..Caller::default() }
    }

    fn sent(permit: Result<Permit, Duration>) -> bool {
        permit.map(|mut permit| permit.sent()).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn permits_come_at_the_rate_and_in_order() {
        let (limiter, start) = (RateLimiter::new(10.0), Instant::now());
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
                tokio::spawn(async move {
                    assert!(sent(limiter.acquire(&Caller::default()).await));
                    order.lock().unwrap().push(n);
                })
            })
            .collect();
        futures::future::join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
        let took = start.elapsed();
        assert!(took >= 2 * SECOND && took < 2 * SECOND + SECOND / 5, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_waits_for_is_sent_before_a_backlog_of_what_is_at_rest() {
        let limiter = RateLimiter::new(1.0);
        let resync: Vec<_> = (0..100)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move { sent(limiter.acquire(&caller(Lane::Resync, "a")).await) })
            })
            .collect();
        tokio::time::sleep(SECOND).await;
        let start = Instant::now();
        for _ in 0..3 {
            assert!(sent(limiter.acquire(&caller(Lane::Awaited, "a")).await));
        }
        assert!(start.elapsed() <= 5 * SECOND, "{:?}", start.elapsed());
        resync.into_iter().for_each(|task| task.abort());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_costs_nothing() {
        let limiter = RateLimiter::new(1.0);
        assert!(sent(limiter.acquire(&Caller::default()).await));
        let gave_up = timeout(SECOND / 10, limiter.acquire(&Caller::default())).await;
        assert!(gave_up.is_err());
        let start = Instant::now();
        assert!(sent(limiter.acquire(&Caller::default()).await));
        assert!(start.elapsed() <= SECOND);
        drop(limiter.acquire(&Caller::default()).await); // and sends nothing
        assert!(sent(limiter.acquire(&Caller::default()).await));
        assert!(start.elapsed() <= 2 * SECOND);
    }

    /// A request that takes so long.
    fn request(limiter: &Arc<RateLimiter>, caller: Caller, takes: Duration) -> tokio::task::JoinHandle<()> {
        let limiter = Arc::clone(limiter);
        tokio::spawn(async move {
            let mut permit = limiter.acquire(&caller).await.unwrap();
            permit.sent();
            tokio::time::sleep(takes).await;
        })
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_namespaces_have_requests_that_hang_others_are_sent() {
        for (rate, namespaces, first) in [
            (100.0, 1, false),
            (100.0, 3, true),
            (100.0, 20, false),
            (10.0, 5, true),
            (10.0, 20, false),
            (2.0, 9, false),
        ] {
            let limiter = RateLimiter::new(rate);
            let hanging: Vec<_> = (0..400)
                .map(|nth| {
                    let caller = Caller { first, ..caller(Lane::Awaited, &format!("hang-{}", nth % namespaces)) };
                    request(&limiter, caller, SECOND * 10)
                })
                .collect();
            tokio::time::sleep(SECOND * 50).await; // until they are known to be slow
            let start = Instant::now();
            for _ in 0..10 {
                let other = Caller { first, ..caller(Lane::Awaited, "other") };
                request(&limiter, other, SECOND / 50).await.unwrap();
            }
            let longest = Duration::from_secs_f64(20.0 / rate) + SECOND;
            assert!(start.elapsed() < longest, "{rate}/s, {namespaces}: {:?}", start.elapsed());
            hanging.into_iter().for_each(|task| task.abort());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_namespace_has_half_of_the_places_and_a_low_rate_two() {
        for (rate, places) in [(100.0, 8), (5.0, 3), (2.0, 2), (1.0, 1)] {
            let limiter = RateLimiter::new(rate);
            for _ in 0..16 {
                sent(limiter.acquire(&Caller::default()).await);
            }
            tokio::time::sleep(SECOND * 10).await;
            let mut under_way = Vec::new();
            while let Ok(permit) = timeout(SECOND * 5, limiter.acquire(&Caller::default())).await {
                let mut permit = permit.unwrap();
                permit.sent();
                under_way.push(permit);
            }
            assert_eq!(under_way.len(), places, "{rate}/s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_a_short_pause_is_waited_for_and_a_long_one_is_told() {
        let limiter = RateLimiter::new(10.0);
        let start = Instant::now();
        limiter.on_rate_limited(Some(5 * SECOND));
        assert!(sent(limiter.acquire(&Caller::default()).await));
        assert!(start.elapsed() >= 5 * SECOND);
        limiter.on_rate_limited(Some(30 * SECOND));
        assert_eq!(limiter.acquire(&Caller::default()).await.map(drop), Err(30 * SECOND));
        tokio::time::advance(29 * SECOND).await;
        assert!(sent(limiter.acquire(&Caller::default()).await));
    }

    #[tokio::test(start_paused = true)]
    async fn row_010_who_waits_when_a_long_pause_begins_is_told_of_it() {
        let limiter = RateLimiter::new(1.0);
        assert!(sent(limiter.acquire(&Caller::default()).await));
        let waiting = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire(&Caller::default()).await.map(drop) }
        });
        tokio::task::yield_now().await;
        limiter.on_rate_limited(Some(30 * SECOND));
        assert!(waiting.await.unwrap().is_err());
    }
}
