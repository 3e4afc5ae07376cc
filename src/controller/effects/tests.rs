//! Who waits for what, with a clock that the tests move.

use super::*;
use crate::controller::context::sample;
use std::future::pending;
use tokio::task::JoinSet;

#[tokio::test(start_paused = true)]
async fn whoever_holds_the_organization_for_which_an_edited_resource_waits_is_urgent_too() {
    let (context, _, holder) = sample("1");
    let keys = context.cache.with(&holder, |entry| entry.claim.keys.clone()).unwrap();
    let waiting: Uid = "2".into();
    for uid in [&holder, &waiting] {
        context.queue.add_after(uid, Duration::ZERO, Lane::Resync);
        context.queue.get(|uid| context.flow(uid)).await;
    }
    let held = context.locks.lock("here", "org_1").await;
    let mut at_rest = pin!(lock(&context, &waiting, ("here", "org_1"), &keys, false));
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut at_rest).await.is_err());
    assert!(!context.queue.is_urgent(&holder));
    context.queue.add_edited(&waiting);
    let (_, ()) = tokio::join!(at_rest, async {
        context.queue.urgent(&holder).await;
        drop(held);
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_holds_the_organization_is_urgent_too_where_the_one_that_waits_was_begun_for_an_edit() {
    let (context, _, holder) = sample("1");
    let keys = context.cache.with(&holder, |entry| entry.claim.keys.clone()).unwrap();
    context.queue.add_after(&holder, Duration::ZERO, Lane::Resync);
    context.queue.get(|uid| context.flow(uid)).await;
    let (held, waiting) = (context.locks.lock("here", "org_1").await, "2".into());
    let (_, ()) = tokio::join!(lock(&context, &waiting, ("here", "org_1"), &keys, true), async {
        context.queue.urgent(&holder).await;
        drop(held);
    });
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_request_under_way_beside_a_reconcile_that_waits_for_its_turn_or_an_edit() {
    let (context, _, uid) = sample("1");
    let resource = context.cache.with(&uid, |entry| entry.resource.clone()).unwrap();
    let mut effects = Effects::new(&context, &resource).await;
    let mut waiting = pin!(effects.unless_urgent(true, pending::<()>()));
    let (mut running, request) = (JoinSet::new(), Duration::from_secs(4));
    running.spawn(pending::<()>()); // the one that waits
    running.spawn(tokio::time::sleep(request));
    let start = Instant::now();
    tokio::select! {
        _ = &mut waiting => unreachable!("its turn never comes"),
        () = context.parking.drain(&mut running) => assert_eq!(start.elapsed(), request),
    }
}
