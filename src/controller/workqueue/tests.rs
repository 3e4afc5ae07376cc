//! The workqueue with a clock that the tests move.

use super::*;

/// Longer than any wait of an edit.
const LONG: Duration = Duration::from_secs(60);

fn uid(name: &str) -> Uid {
    name.into()
}

/// The namespace of a resource is its name up to the dash.
fn flow(uid: &Uid) -> Flow {
    let namespace = uid.split('-').next().unwrap_or_default();
    Flow { environment: "here".into(), namespace: namespace.into() }
}

async fn get(queue: &WorkQueue) -> Uid {
    queue.get(flow).await
}

#[tokio::test(start_paused = true)]
async fn an_edit_comes_before_a_backlog_of_what_is_at_rest() {
    let queue = WorkQueue::default();
    (0..1000).for_each(|nth| queue.add_after(&uid(&format!("a-{nth}")), Duration::ZERO, Lane::Resync));
    let mut begun = Vec::new();
    while let Ok(uid) = tokio::time::timeout(COALESCE, get(&queue)).await {
        begun.push(uid);
    }
    assert_eq!(begun.len(), 8, "no more of one namespace are begun than go on");
    queue.add(&uid("a-999"));
    assert_eq!(tokio::time::timeout(COALESCE, get(&queue)).await, Ok(uid("a-999")));
    queue.done(&uid("a-999"), None, Lane::Resync);
    for uid in &begun {
        queue.done(uid, None, Lane::Resync);
    }
    let mut rest = begun.len() + 1;
    while let Ok(uid) = tokio::time::timeout(COALESCE, get(&queue)).await {
        rest += 1;
        queue.done(&uid, None, Lane::Resync);
    }
    assert_eq!(rest, 1000, "each once, the edited one too");
    assert!(queue.lock().running.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_place_and_is_asked_for_again_later_is_begun_once() {
    let queue = WorkQueue::default();
    (1..=9).for_each(|nth| queue.add_after(&uid(&format!("a-{nth}")), Duration::ZERO, Lane::Resync));
    let mut begun = Vec::new();
    for _ in 0..8 {
        begun.push(get(&queue).await);
    }
    let ninth = (1..=9).map(|nth| uid(&format!("a-{nth}"))).find(|uid| !begun.contains(uid)).unwrap();
    queue.add_after(&ninth, Duration::from_secs(5), Lane::Correction);
    queue.done(&begun.remove(0), None, Lane::Resync);
    assert_eq!(get(&queue).await, ninth);
    assert!(tokio::time::timeout(Duration::from_secs(10), get(&queue)).await.is_err(), "it runs already");
    queue.done(&ninth, None, Lane::Resync);
    assert_eq!(get(&queue).await, ninth, "and then what was asked for");
    queue.done(&ninth, None, Lane::Resync);
    begun.iter().for_each(|uid| queue.done(uid, None, Lane::Resync));
    assert!(queue.lock().running.is_empty());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_resources_of_one_namespace_cost_another_nothing() {
    let queue = WorkQueue::default();
    (0..10_000).for_each(|nth| queue.add(&uid(&format!("big-{nth}"))));
    queue.add(&uid("small-1"));
    let first = [get(&queue).await, get(&queue).await];
    assert!(first.contains(&uid("small-1")), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn the_earliest_comes_first_and_the_sooner_of_two_delays_counts() {
    let queue = WorkQueue::default();
    let now = Instant::now();
    queue.add_after(&uid("late"), Duration::from_secs(60), Lane::Resync);
    queue.add_after(&uid("early"), Duration::from_secs(30), Lane::Resync);
    queue.add_after(&uid("late"), Duration::from_secs(10), Lane::Resync);
    queue.add_after(&uid("late"), Duration::from_secs(90), Lane::Resync);
    assert_eq!(get(&queue).await, uid("late"));
    assert_eq!(Instant::now() - now, Duration::from_secs(10));
    assert_eq!(get(&queue).await, uid("early"));
}

#[tokio::test(start_paused = true)]
async fn a_resource_has_one_reconcile_at_a_time_and_no_event_is_lost() {
    let queue = WorkQueue::default();
    queue.add(&uid("a"));
    let a = get(&queue).await;
    queue.add(&a); // while it runs
    let waiting = tokio::time::timeout(Duration::from_secs(5), get(&queue));
    assert!(waiting.await.is_err(), "it runs already");
    queue.done(&a, Some(Duration::from_secs(600)), Lane::Resync);
    let before = Instant::now();
    assert_eq!(get(&queue).await, a);
    assert_eq!(Instant::now(), before, "the event comes before what was due");
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_the_reconcile_under_way_takes_in_causes_no_other_and_one_that_it_does_not_is_not_lost() {
    let queue = WorkQueue::default();
    for takes in [true, false] {
        queue.add_edited(&uid("a"));
        let a = get(&queue).await;
        assert!(tokio::time::timeout(COALESCE, queue.urgent(&a)).await.is_err(), "it began after that edit");
        let (urgent, ()) = tokio::join!(tokio::time::timeout(COALESCE, queue.urgent(&a)), async {
            queue.add_edited(&uid("b"));
            queue.add_edited(&a);
        });
        assert!(urgent.is_ok() && queue.is_edited(&a));
        assert!(!takes || queue.take_edit(&a) && !queue.take_edit(&a));
        assert_eq!(get(&queue).await, uid("b"));
        queue.done(&uid("b"), None, Lane::Resync);
        queue.done(&a, None, Lane::Resync);
        assert_eq!(tokio::time::timeout(LONG, get(&queue)).await.is_err(), takes);
        queue.done(&a, None, Lane::Resync);
    }
    assert!(queue.lock().running.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whatever_somebody_waits_for_makes_the_reconcile_under_way_urgent_and_nothing_else_does() {
    type Event = fn(&WorkQueue, &Uid);
    let soon: [Event; 7] = [
        WorkQueue::add,
        WorkQueue::add_edited,
        WorkQueue::add_requested,
        |queue, uid| queue.add_after(uid, Duration::ZERO, Lane::Awaited),
        |queue, uid| {
            queue.add_after(uid, Duration::ZERO, Lane::Resync);
            queue.add_requested(uid);
        },
        |queue, uid| {
            queue.add_after(uid, COALESCE * 2, Lane::Awaited);
            queue.add_after(uid, Duration::ZERO, Lane::Awaited);
        },
        |queue, uid| (0..=BURST).for_each(|_| queue.add_requested(uid)), // the last one is granted later
    ];
    let later: [Event; 4] = [
        |queue, uid| queue.add_after(uid, Duration::ZERO, Lane::Correction),
        |queue, uid| queue.add_after(uid, LONG, Lane::Awaited),
        |queue, _| queue.add_edited(&uid("another")),
        |queue, uid| queue.done(uid, None, Lane::Awaited),
    ];
    for (events, urgent) in [(&soon[..], true), (&later, false)] {
        for event in events {
            let queue = WorkQueue::default();
            queue.add_after(&uid("a"), Duration::ZERO, Lane::Resync);
            let a = get(&queue).await;
            assert!(!queue.is_urgent(&a));
            let waiting = tokio::time::timeout(COALESCE, queue.urgent(&a));
            let (becomes, ()) = tokio::join!(waiting, async { event(&queue, &a) });
            assert_eq!((becomes.is_ok(), queue.is_urgent(&a)), (urgent, urgent));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_under_way_becomes_urgent_when_the_one_that_somebody_waits_for_is_due() {
    let (queue, start) = (WorkQueue::default(), Instant::now());
    queue.add_after(&uid("a"), Duration::ZERO, Lane::Resync);
    let a = get(&queue).await;
    let waiting = tokio::time::timeout(LONG * 2, queue.urgent(&a));
    let (becomes, ()) = tokio::join!(waiting, async { queue.add_after(&a, LONG, Lane::Awaited) });
    assert_eq!((becomes.is_ok(), start.elapsed(), queue.is_urgent(&a)), (true, LONG - COALESCE, true));
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_edits_gets_a_burst_of_reconciles_and_then_one_in_ten_seconds() {
    for (loops, most) in [(WorkQueue::add_edited as fn(&WorkQueue, &Uid), 36), (WorkQueue::add, 36)] {
        let (queue, start, mut reconciles) = (WorkQueue::default(), Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(300) {
            loops(&queue, &uid("a"));
            if let Ok(a) = tokio::time::timeout(Duration::from_millis(100), get(&queue)).await {
                reconciles += 1;
                loops(&queue, &a);
                queue.done(&a, None, Lane::Resync);
            }
        }
        assert!((30..=most).contains(&reconciles), "{reconciles}");
    }
}

#[tokio::test(start_paused = true)]
async fn six_edits_in_a_row_and_one_after_a_minute_do_not_wait_and_others_edits_are_not_counted() {
    let queue = WorkQueue::default();
    (0..100).for_each(|_| queue.add(&uid("a"))); // since others changed
    for pause in [2, 2, 2, 2, 2, 60, 2, 2] {
        queue.add_edited(&uid("a"));
        let at = Instant::now();
        let a = get(&queue).await;
        assert_eq!(at, Instant::now());
        queue.done(&a, None, Lane::Resync);
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_edits_in_a_second_cost_two_reconciles() {
    let queue = WorkQueue::default();
    let mut reconciles = 0;
    let start = Instant::now();
    queue.add(&uid("a"));
    while let Ok(a) = tokio::time::timeout(Duration::from_secs(5), get(&queue)).await {
        reconciles += 1;
        if start.elapsed() < Duration::from_secs(1) {
            for _ in 0..100 {
                queue.add(&a);
            }
        }
        queue.done(&a, None, Lane::Resync);
    }
    assert_eq!(reconciles, 2);
}

#[tokio::test(start_paused = true)]
async fn row_103_a_loop_that_asks_for_reconciles_gets_a_burst_and_then_one_in_thirty_seconds() {
    let queue = WorkQueue::default();
    let start = Instant::now();
    let mut reconciles = 0;
    while start.elapsed() < Duration::from_secs(300) {
        queue.add_requested(&uid("a"));
        if let Ok(a) = tokio::time::timeout(Duration::from_secs(2), get(&queue)).await {
            reconciles += 1;
            queue.done(&a, None, Lane::Resync);
        }
    }
    assert!((10..=13).contains(&reconciles), "{reconciles}");
    queue.add(&uid("a"));
    assert!(tokio::time::timeout(Duration::from_secs(2), get(&queue)).await.is_ok(), "an edit does not wait");
}

#[tokio::test(start_paused = true)]
async fn row_103_a_request_that_must_wait_is_not_lost_when_an_edit_comes_first() {
    let queue = WorkQueue::default();
    for _ in 0..=BURST {
        queue.add_requested(&uid("a")); // the last one is granted later
    }
    queue.add(&uid("a"));
    let a = get(&queue).await;
    queue.done(&a, None, Lane::Resync);
    queue.add_requested(&a); // and nothing else is due
    let next = tokio::time::timeout(REQUEST_EVERY * 4, get(&queue)).await;
    assert_eq!(next, Ok(a));
}

#[tokio::test(start_paused = true)]
async fn what_goes_and_comes_while_its_reconcile_runs_is_reconciled_after_it_and_not_beside_it() {
    let queue = WorkQueue::default();
    queue.add(&uid("a"));
    let a = get(&queue).await;
    assert!(!queue.is_urgent(&a));
    queue.forget(&a);
    assert!(queue.is_urgent(&a), "the next one of its name may wait for it");
    queue.add(&a); // listed again
    assert!(tokio::time::timeout(COALESCE * 5, get(&queue)).await.is_err(), "it runs already");
    queue.done(&a, None, Lane::Resync);
    assert_eq!(tokio::time::timeout(COALESCE * 5, get(&queue)).await, Ok(a.clone()));
    queue.forget(&a);
    queue.done(&a, Some(Duration::ZERO), Lane::Resync);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_does_not_come_back() {
    let queue = WorkQueue::default();
    queue.add(&uid("a"));
    queue.forget(&uid("a"));
    queue.done(&uid("a"), Some(Duration::ZERO), Lane::Resync);
    assert!(tokio::time::timeout(Duration::from_secs(5), get(&queue)).await.is_err());
}
