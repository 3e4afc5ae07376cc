//! Who may send a request to one host and port, and when: those who wait get
//! permits by lane and flow ([`Lanes`]), as fast as the [`Pace`] allows.

#[cfg(test)]
mod tests;

use super::{
    caller::Caller,
    pace::{Pace, Ready},
    places::Places,
    retry_after::Allowance,
};
use crate::reconcile::{Lane, Lanes, PATIENCE};
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
                && state.pace.ready(now, caller.is_awaited()) == Ready::Now
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
            if state.waiting.is_empty() {
                state.dispatching = false;
                return None;
            }
            let State { waiting, places, pace, .. } = &mut *state;
            let open = |_: Lane, flow: &Arc<str>| places.leave_room(flow, pace.free(), now);
            let ready = pace.ready(now, waiting.is_urgent(open));
            if ready != Ready::Now {
                return Some(ready);
            }
            let Some((flow, (_, next))) = waiting.pop(open) else { return Some(Ready::WhenAnswered) };
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
        state.pace.reported_ready(now, true)
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
