use super::*;
use crate::scalekit::scripted::{self, HttpResponse, Server};
use serde_json::json;
use std::{
    future::poll_fn,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

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
    assert_eq!(slot.state().written, HashSet::from([id("org_2")]));
}

#[test]
fn a_short_page_does_not_make_the_list_long() {
    let page = |total, next: bool| Page { organizations: Vec::new(), next: next.then(|| "t".into()), total };
    assert_eq!(pages_of(&page(Some(1000), true), 1, 100), 10);
    assert_eq!(pages_of(&page(None, true), 3, 100), 4, "at least");
    assert_eq!(pages_of(&page(Some(1000), false), 2, 100), 2, "the total is not of this client");
}

/// A list of nine pages with one organization each.
struct List {
    sweeps: Sweeps,
    server: Server,
    client: Client,
    read: Arc<AtomicUsize>,
    asked: AtomicUsize,
}

impl List {
    /// The responses that are not the page that was asked for, by the number of the request.
    async fn new(total: Option<usize>, other: impl Fn(usize) -> Option<HttpResponse> + Send + Sync + 'static) -> Self {
        let read: Arc<AtomicUsize> = Arc::default();
        let reads = Arc::clone(&read);
        let server = Server::api(move |request, nth| {
            reads.store(nth, Ordering::SeqCst);
            other(nth).unwrap_or_else(|| {
                let page = request.line.split_once("page_token=to-").map_or(1, |(_, page)| page.parse().unwrap());
                let next = if page < 9 { format!("to-{}", page + 1) } else { String::new() };
                let settings = json!({"enabled": true, "features": [{"name": "session_policy", "enabled": true}]});
                let organization = json!({"id": format!("org_{page}"), "settings": settings});
                let page = json!({"organizations": [organization], "next_page_token": next, "total_size": total});
                scripted::json(200, &page.to_string())
            })
        })
        .await;
        Self { sweeps: Sweeps::new(), client: server.client(), server, read, asked: AtomicUsize::default() }
    }

    /// Whether the list shows the last organization, or the one before it, to one who becomes urgent after so many pages.
    async fn shows(&self, urgent_after: usize, lane: Lane, longest: Duration) -> bool {
        let urgent = poll_fn(|_| match self.read.load(Ordering::SeqCst) < urgent_after {
            true => Poll::Pending,
            false => Poll::Ready(()),
        });
        let caller = Caller { lane, ..Caller::default() };
        let one = id(["org_9", "org_8"][self.asked.fetch_add(1, Ordering::SeqCst) % 2]);
        self.sweeps.get(&self.client, caller, (&one, longest), |_| true, urgent).await.found.is_some()
    }

    fn is_worth_it(&self, longest: Duration) {
        let slot = self.sweeps.slot(&self.client, LONGEST);
        for nth in 1..=9 {
            slot.state().demand.record_missed(&id(&format!("org_{nth}")), longest, Duration::MAX);
        }
    }

    /// The pages of the list that was left.
    fn left(&self) -> Option<usize> {
        let slot = self.sweeps.slot(&self.client, LONGEST);
        slot.sweeping.try_lock().unwrap().as_ref().map(|sweep| sweep.pages)
    }

    /// Begins the list for one who becomes urgent after three pages.
    async fn leave(&self) {
        self.is_worth_it(LONGEST);
        let shown = self.shows(3, Lane::Resync, LONGEST).await;
        assert!(!shown, "whoever is waited for reads its own organization");
    }
}

const LONGEST: Duration = Duration::from_secs(60);
const NEVER: usize = usize::MAX;

#[tokio::test]
async fn a_list_whose_reader_somebody_begins_to_wait_for_is_read_to_its_end_by_the_next_one() {
    let list = List::new(Some(9), |_| None).await;
    list.leave().await;
    assert!(!list.shows(NEVER, Lane::Awaited, LONGEST).await, "another one who is waited for does not read the rest");
    assert!(!list.shows(NEVER, Lane::Resync, Duration::ZERO).await, "nor one for whom it is too old");
    assert_eq!(list.server.calls().len(), 3);
    assert!(list.shows(NEVER, Lane::Resync, LONGEST).await);
    let pages = list.server.calls();
    assert_eq!(pages.len(), 9, "no page is read twice: {pages:?}");
    assert!(pages[3].ends_with("page_token=to-4"), "{pages:?}");
}

#[tokio::test]
async fn a_list_that_is_too_old_before_it_is_read_to_its_end_is_not_read_on_nor_again() {
    let (list, short) = (List::new(Some(9), |_| None).await, Duration::from_nanos(1));
    for _ in 0..3 {
        list.is_worth_it(short);
        assert!(!list.shows(NEVER, Lane::Resync, short).await);
    }
    assert_eq!((list.server.calls().len(), list.left()), (1, None));
}

#[tokio::test]
async fn a_list_that_was_left_is_forgotten_once_it_is_too_old() {
    let list = List::new(Some(9), |_| None).await;
    list.leave().await;
    let slot = list.sweeps.slot(&list.client, LONGEST);
    let written = || {
        list.sweeps.forget(&id("org_7"));
        slot.state().written.len()
    };
    assert_eq!((written(), list.left()), (1, Some(3)));
    slot.sweeping.try_lock().unwrap().as_mut().unwrap().listed.began = Instant::now().checked_sub(LONGEST);
    assert_eq!((written(), list.left()), (0, None));
}

#[tokio::test]
async fn whoever_has_a_short_interval_does_not_throw_away_the_list_that_others_are_reading() {
    let list = List::new(Some(9), |_| None).await;
    list.leave().await;
    let short = Duration::from_nanos(1);
    list.is_worth_it(short);
    assert!(!list.shows(NEVER, Lane::Resync, short).await);
    assert_eq!((list.server.calls().len(), list.left()), (3, Some(3)));
    assert!(list.shows(NEVER, Lane::Resync, LONGEST).await);
}

#[tokio::test]
async fn a_list_that_was_left_for_so_long_that_its_page_token_expired_is_read_again_when_that_is_worth_it() {
    let list = List::new(Some(9), |nth| {
        (nth == 4).then(|| scripted::json(400, r#"{"code": 3, "message": "invalid page token"}"#))
    })
    .await;
    list.leave().await;
    let mut reads = 1;
    while !list.shows(NEVER, Lane::Resync, LONGEST).await {
        reads += 1;
        assert!(reads < 20, "it is left alone as one that can't be read");
    }
    assert_eq!(list.server.calls().len(), 3 + 1 + 9);
}

#[tokio::test]
async fn a_list_in_which_the_server_pauses_for_long_is_gone_on_with_after_the_pause() {
    let list = List::new(Some(9), |nth| (nth == 4).then(|| scripted::with(429, "retry-after: 60\r\n", "{}"))).await;
    list.leave().await;
    assert!(!list.shows(NEVER, Lane::Resync, LONGEST).await);
    assert_eq!(list.left(), Some(3));
}

#[tokio::test]
async fn a_list_that_was_begun_for_a_new_resource_is_left_to_nobody_and_no_new_one_waits_for_one_at_rest_to_read_it() {
    let list = List::new(Some(9), |nth| (nth == 2).then(|| scripted::with(429, "retry-after: 60\r\n", "{}"))).await;
    list.is_worth_it(LONGEST);
    assert!(!list.shows(NEVER, Lane::Awaited, LONGEST).await);
    assert_eq!(list.left(), None);
    let list = List::new(Some(9), |_| None).await;
    list.is_worth_it(LONGEST);
    assert!(!list.shows(3, Lane::Correction, LONGEST).await);
    let awaited = Caller { lane: Lane::Awaited, ..Caller::default() };
    let correction = Caller { lane: Lane::Correction, ..Caller::default() };
    let slot = list.sweeps.slot(&list.client, LONGEST);
    assert_eq!([&awaited, &correction].map(|caller| slot.state().is_read_for(caller)), [false, true]);
    assert!(list.shows(NEVER, Lane::Resync, LONGEST).await);
    assert_eq!([&awaited, &correction].map(|caller| slot.state().is_read_for(caller)), [false, false]);
}

#[tokio::test]
async fn a_list_that_does_not_say_how_long_it_is_costs_no_more_than_the_reads_before_it_and_is_read_soon() {
    let list = List::new(None, |_| None).await;
    let (mut alone, mut before) = (0, 0);
    while !list.shows(NEVER, Lane::Resync, LONGEST).await {
        alone += 1;
        let pages = list.server.calls().len();
        assert!(pages <= alone && alone < 30, "{pages} pages for {alone} reads");
        before = pages;
    }
    assert_eq!((list.server.calls().len() - before, before), (9, 9), "three pages, then six, then all");
}
