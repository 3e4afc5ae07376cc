//! Finding an organization by external id.

use super::{
    look_up,
    server::{HttpResponse, Server, json},
};
use crate::{
    reconcile::{ErrorKind, RemoteError, RemoteResponse},
    scalekit::Client,
};

const UNKNOWN_ROUTE: &str = r#"{"code":5,"message":"Not Found","details":[]}"#;
const NOT_FOUND: &str = r#"{"code":5,"message":"x","details":[{"error_code":"NOT_FOUND"}]}"#;

/// A server whose lookup route answers `first` and whose list answers `pages`
/// in turn, the last one from then on.
async fn listing(first: HttpResponse, pages: &'static [&'static str]) -> Server {
    Server::api(move |received, nth| match received.line.contains("organizations:external") {
        true => first.clone(),
        false => json(200, pages[(nth - 2).min(pages.len() - 1)]),
    })
    .await
}

async fn find(client: &Client, external: &str) -> Result<String, RemoteError> {
    client.request(&look_up(external)).await.map(|response| match response {
        RemoteResponse::Organization(found) => found.id.to_string(),
        other => panic!("{other:?}"),
    })
}

#[tokio::test]
async fn scalekits_own_not_found_is_final() {
    let server = listing(json(404, NOT_FOUND), &[r#"{"organizations":[{"id":"org_1","external_id":"t"}]}"#]).await;
    assert_eq!(find(&server.client(), "t").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(server.calls(), ["GET /api/v1/organizations:external/t"]);
}

#[tokio::test]
async fn where_the_route_cannot_help_the_list_does() {
    const PAGES: &[&str] = &[
        r#"{"organizations":[{"id":"org_1","external_id":"a/b"},{"id":"org_2","external_id":"t"},{"id":"org_3","external_id":"T"},{"id":"org_4"}]}"#,
    ];
    for (first, external, expected) in [
        (json(404, UNKNOWN_ROUTE), "t", "org_2"),
        (json(400, r#"{"code":3}"#), "t", "org_2"),
        (json(501, r#"{"code":12}"#), "t", "org_2"),
        (json(404, NOT_FOUND), "a/b", "org_1"),
        (json(404, "<html>"), "a/b", "org_1"),
    ] {
        let server = listing(first, PAGES).await;
        assert_eq!(find(&server.client(), external).await.as_deref(), Ok(expected), "{external}");
        let list = server.calls().pop().unwrap();
        let external = external.replace('/', "%2F");
        assert_eq!(list, format!("GET /api/v1/organizations?page_size=100&external_id={external}"));
    }
}

#[tokio::test]
async fn other_errors_are_no_reason_to_go_through_the_list() {
    for response in [json(404, "<html>"), json(403, "{}"), json(503, ""), json(409, "{}"), json(200, "{}")] {
        let server = listing(response, &[r#"{"organizations":[]}"#]).await;
        assert!(find(&server.client(), "t").await.is_err());
        assert_eq!(server.calls().len(), 1);
    }
}

#[tokio::test]
async fn the_filter_is_not_trusted() {
    let server =
        listing(json(404, UNKNOWN_ROUTE), &[r#"{"organizations":[{"id":"org_1","external_id":"tt"},{"id":"org_2"}]}"#])
            .await;
    assert_eq!(find(&server.client(), "t").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn all_pages_are_searched_and_two_matches_are_one_too_many() {
    const FIRST: &str = r#"{"organizations":[{"id":"org_1","external_id":"t"}],"next_page_token":"2"}"#;
    for (second, expected) in [
        (r#"{"organizations":[{"id":"org_2","external_id":"u"}]}"#, Ok("org_1")),
        (r#"{"organizations":[{"id":"org_1","external_id":"t"}]}"#, Ok("org_1")),
        (r#"{"organizations":[{"id":"org_2","external_id":"t"}]}"#, Err(ErrorKind::BadResponse)),
    ] {
        let pages: &'static [&'static str] = Box::leak(Box::new([FIRST, second]));
        let server = listing(json(404, UNKNOWN_ROUTE), pages).await;
        let found = find(&server.client(), "t").await;
        assert_eq!(found.as_deref().map_err(|error| error.kind), expected, "{second}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let server = Server::api(|received, nth| match received.line.contains("organizations:external") {
        true => json(501, "{}"),
        false => json(200, &format!(r#"{{"organizations":[],"next_page_token":"{nth}"}}"#)),
    })
    .await;
    assert_eq!(find(&server.client(), "t").await.unwrap_err().kind, ErrorKind::BadResponse);
    assert_eq!(server.calls().len(), 101);
}

#[tokio::test]
async fn rejected_credentials_are_no_reason_to_go_through_the_list() {
    let server = Server::start(|_, _| json(400, r#"{"error":"invalid_grant"}"#)).await;
    assert_eq!(find(&server.client(), "t").await.unwrap_err().kind, ErrorKind::CredentialsRejected);
    assert_eq!(server.received().len(), 1);
}
