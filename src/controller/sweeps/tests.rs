use super::*;
use crate::scalekit::scripted::{self, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

fn id(id: &str) -> OrganizationId {
    OrganizationId::parse(id).unwrap()
}

fn listed(organizations: &[(&str, &str, Option<bool>)]) -> Listed {
    let seen = |(name, external, session_policy): &(&str, &str, Option<bool>)| {
        let external_id = Some((*external).to_owned());
        (id(name), Seen { external_id, session_policy: *session_policy })
    };
    Listed { began: Some(Instant::now()), organizations: organizations.iter().map(seen).collect() }
}

#[tokio::test]
async fn whoever_names_an_organization_that_looks_different_is_told_by_every_name() {
    let before = || listed(&[("org_1", "a", Some(true)), ("org_2", "b", Some(true))]);
    let changed = |after: &[(&str, &str, Option<bool>)], complete| {
        let mut names: Vec<_> = before().changed(&listed(after), complete).iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        names
    };
    let (first, second) = (("org_1", "a", Some(true)), ("org_2", "b", Some(true)));
    assert!(changed(&[first, second, ("org_3", "c", Some(true))], true).is_empty(), "a new one is nobody's");
    assert_eq!(changed(&[first, ("org_2", "b", Some(false))], true), ["b", "org_2"]);
    assert_eq!(changed(&[first, ("org_2", "c", Some(true))], true), ["b", "c", "org_2"]);
    assert_eq!(changed(&[first], true), ["b", "org_2"]);
    assert!(changed(&[first], false).is_empty(), "the rest of the list was not read");
    let mut written = before();
    written.forget(&id("org_1"));
    assert!(written.changed(&before(), true).is_empty(), "whoever wrote it has read it since");
}

#[tokio::test]
async fn a_list_that_does_not_show_the_feature_answers_nothing_and_is_not_asked_again_for_it() {
    let (longest, listed) = (Duration::from_secs(60), listed(&[("org_1", "a", Some(false)), ("org_2", "b", None)]));
    let mut state = State { listed, ..State::default() };
    let found = state.find(&id("org_1"), longest).flatten().map(|(organization, _)| organization);
    assert_eq!(found, Some(Organization::listed(id("org_1"), Some("a".into()), false)));
    assert_eq!(state.find(&id("org_2"), longest), Some(None));
    assert_eq!(state.find(&id("org_3"), longest), None);
    assert_eq!(state.find(&id("org_1"), Duration::ZERO), None, "it is too old");
}

#[tokio::test]
async fn an_organization_whose_features_were_written_is_not_answered_by_what_was_listed_before() {
    let (sweeps, longest) = (Sweeps::new(), Duration::from_secs(60));
    let slot = Arc::clone(sweeps.slots.lock().unwrap().get_or_insert(1, |_| true, Arc::default));
    slot.state().listed = listed(&[("org_1", "a", Some(false)), ("org_2", "b", Some(false))]);
    sweeps.forget(&id("org_1"));
    assert_eq!(slot.state().find(&id("org_1"), longest), Some(None));
    assert!(slot.state().find(&id("org_2"), longest).is_some_and(|found| found.is_some()));
    assert!(slot.state().written.is_empty(), "nothing is being listed");
    let _sweeping = slot.sweeping.lock().await;
    sweeps.forget(&id("org_2"));
    assert_eq!(slot.state().written, [id("org_2")]);
}

#[test]
fn a_short_page_does_not_make_the_list_long() {
    let page = |total, next: bool| Page { organizations: Vec::new(), next: next.then(|| "t".into()), total };
    assert_eq!(pages_of(&page(Some(1000), true), 1, 100), 10);
    assert_eq!(pages_of(&page(None, true), 3, 100), 4, "at least");
    assert_eq!(pages_of(&page(Some(1000), false), 2, 100), 2, "the total is not of this client");
}

/// A list of so many pages with one organization each; how many of them were read.
async fn list_of(pages: usize, read: &Arc<(AtomicUsize, Notify)>) -> scripted::Server {
    let read = Arc::clone(read);
    scripted::Server::api(move |_, page| {
        read.0.store(page, Ordering::SeqCst);
        read.1.notify_one();
        let next = if page < pages { format!("to-{}", page + 1) } else { String::new() };
        let features = r#"{"enabled": true, "features": [{"name": "session_policy", "enabled": true}]}"#;
        json(
            200,
            &format!(
                r#"{{"organizations": [{{"id": "org_{page}", "settings": {features}}}], "next_page_token": "{next}"}}"#
            ),
        )
    })
    .await
}

#[tokio::test]
async fn a_list_whose_reader_somebody_begins_to_wait_for_is_read_to_its_end_by_the_next_one() {
    let read: Arc<(AtomicUsize, Notify)> = Arc::default();
    let (server, sweeps, longest) = (list_of(9, &read).await, Sweeps::new(), Duration::from_secs(60));
    let client = server.client();
    let last = id("org_9");
    let get = |urgent: bool, lane| {
        let read = Arc::clone(&read);
        let becomes_urgent = async move {
            while !urgent || read.0.load(Ordering::SeqCst) < 3 {
                read.1.notified().await;
            }
        };
        let caller = Caller { lane, ..Caller::default() };
        sweeps.get(&client, caller, (&last, longest), |_| true, becomes_urgent)
    };
    for _ in 1..10 {
        assert!(get(false, Lane::Resync).await.found.is_none(), "a few reads are not worth a list");
    }
    assert!(get(true, Lane::Resync).await.found.is_none(), "whoever is waited for reads its own organization");
    assert!(get(false, Lane::Awaited).await.found.is_none(), "and so does another one");
    assert_eq!(server.calls().len(), 3);
    assert!(get(false, Lane::Resync).await.found.is_some());
    let pages = server.calls();
    assert_eq!(pages.len(), 9, "no page is read twice: {pages:?}");
    assert!(pages[3].ends_with("page_token=to-4"), "{pages:?}");
}
