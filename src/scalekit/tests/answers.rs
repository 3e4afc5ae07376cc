//! Each request: what it is in HTTP, and what its response becomes.

use super::{
    INHERITED, id, kind_and_outcome, look_up, read_policy,
    server::{Server, json, with},
    write_policy,
};
use crate::{
    policy::{ApplicationPolicy, Bounds, Idle, Live, Minutes, Policy},
    reconcile::{ErrorKind, Feature, Organization, RemoteRequest, RemoteResponse},
    scalekit::{Page, Settings},
};

fn organization(external_id: Option<&str>) -> Organization {
    let features = vec![Feature { name: "sso".to_owned(), enabled: true }];
    Organization { id: id(), external_id: external_id.map(str::to_owned), features, features_reported: true }
}

const ORGANIZATION: &str = r#"{"organization":{"id":"org_1","external_id":"tenant-7","settings":{"features":[{"name":"sso","enabled":true}]}}}"#;

#[tokio::test]
async fn a_policy_is_read() {
    let server = Server::always(json(200, INHERITED)).await;
    assert_eq!(server.client().request(&read_policy()).await, Ok(RemoteResponse::Policy(Live::Application)));
    let received = server.received();
    assert_eq!(received[0].body, "grant_type=client_credentials&client_id=skc_1&client_secret=canary-secret-5f3a");
    assert!(received[0].head.contains("content-type: application/x-www-form-urlencoded"));
    assert_eq!(received[0].bearer(), None);
    assert_eq!(received[1].line, "GET /api/v1/organizations/org_1/session-policy");
    assert_eq!(received[1].bearer(), Some("canary-token-1"));
    assert!(received[1].head.contains(concat!("user-agent: session-policy-operator/", env!("CARGO_PKG_VERSION"))));
    assert!(!received[1].head.contains("x-api-version") && !received[1].head.contains("accept-encoding"));
}

#[tokio::test]
async fn a_policy_is_written_whole_and_its_echo_returned() {
    let echo = r#"{"policy":{"policy_source":"CUSTOM","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":true,"idle_session_timeout":61}}"#;
    let server = Server::always(json(200, echo)).await;
    let live = Live::Custom { absolute: Minutes::new(480), idle: Idle::On(Minutes::new(61)) };
    assert_eq!(server.client().request(&write_policy()).await, Ok(RemoteResponse::Policy(live)));
    let received = &server.received()[1];
    assert_eq!(received.line, "PATCH /api/v1/organizations/org_1/session-policy");
    assert!(received.head.contains("content-type: application/json"));
    assert_eq!(
        received.body,
        r#"{"policy_source":"CUSTOM","absolute_session_timeout":480,"absolute_session_timeout_unit":"MINUTES","idle_session_timeout_enabled":true,"idle_session_timeout":60,"idle_session_timeout_unit":"MINUTES"}"#
    );
}

#[tokio::test]
async fn a_revert_sends_the_source_and_nothing_else() {
    let server = Server::always(json(200, INHERITED)).await;
    let request = RemoteRequest::WritePolicy { organization: id(), policy: Policy::Application };
    assert_eq!(server.client().request(&request).await, Ok(RemoteResponse::Policy(Live::Application)));
    assert_eq!(server.received()[1].body, r#"{"policy_source":"APPLICATION"}"#);
}

#[tokio::test]
async fn an_organization_is_read_and_its_features_written() {
    let server = Server::always(json(200, ORGANIZATION)).await;
    let client = server.client();
    let expected = Ok(RemoteResponse::Organization(organization(Some("tenant-7"))));
    assert_eq!(client.request(&RemoteRequest::ReadOrganization(id())).await, expected);
    let features = organization(None).features;
    assert_eq!(client.request(&RemoteRequest::WriteFeatures { organization: id(), features }).await, expected);
    let received = &server.received()[2];
    assert_eq!(received.line, "PATCH /api/v1/organizations/org_1/settings");
    assert_eq!(received.body, r#"{"features":[{"name":"sso","enabled":true}]}"#);
    assert_eq!(server.tokens(), 1);
}

#[tokio::test]
async fn an_answer_about_another_organization_is_no_answer() {
    let server = Server::always(json(200, &ORGANIZATION.replace("org_1", "org_2"))).await;
    let client = server.client();
    let error = client.request(&RemoteRequest::ReadOrganization(id())).await.unwrap_err();
    assert_eq!(kind_and_outcome(&error), (ErrorKind::BadResponse, false));
    let error =
        client.request(&RemoteRequest::WriteFeatures { organization: id(), features: vec![] }).await.unwrap_err();
    assert_eq!(kind_and_outcome(&error), (ErrorKind::BadResponse, true));
    assert!(client.request(&look_up("tenant-7")).await.is_ok());
    assert!(client.request(&look_up("tenant-8")).await.is_err());
}

#[tokio::test]
async fn the_applications_policy_is_read() {
    let body = r#"{"application_policy":{"absolute_session_timeout":7,"absolute_session_timeout_unit":"DAYS","idle_session_timeout_enabled":false,"idle_session_timeout":0,"access_token_expiry":5}}"#;
    let server = Server::always(json(200, body)).await;
    let bounds = Bounds { absolute: Minutes::new(10_080), idle: None };
    let expected = ApplicationPolicy { bounds, access_token: Minutes::new(5) };
    let response = server.client().request(&RemoteRequest::ReadApplicationPolicy(id())).await;
    assert_eq!(response, Ok(RemoteResponse::ApplicationPolicy(expected)));
    assert_eq!(server.calls(), ["GET /api/v1/organizations/org_1/application-session-policy"]);
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let server = Server::api(|received, _| match received.line.contains("page_token") {
        false => json(200, r#"{"organizations":[{"id":"org_1"}],"next_page_token":">:W=","total_size":2}"#),
        true => json(200, r#"{"organizations":[{"id":"org_2"}],"next_page_token":""}"#),
    })
    .await;
    let client = server.client();
    let first = client.organizations(None).await.unwrap();
    assert_eq!(first.organizations.len(), 1);
    let Page { organizations, next, .. } = client.organizations(first.next.as_deref()).await.unwrap();
    assert_eq!((organizations[0].id.as_str(), next), ("org_2", None));
    let path = "GET /api/v1/organizations?page_size=100";
    assert_eq!(server.calls(), [path.to_owned(), format!("{path}&page_token=%3E%3AW%3D")]);
}

#[tokio::test]
async fn a_list_that_does_not_get_on_is_given_up() {
    let server = Server::always(json(200, r#"{"organizations":[],"next_page_token":"x"}"#)).await;
    let client = server.client();
    assert!(client.organizations(None).await.is_ok());
    assert_eq!(client.organizations(Some("x")).await.unwrap_err().kind, ErrorKind::BadResponse);
}

#[tokio::test]
async fn row_019_a_good_status_without_the_promised_body_is_a_bad_response() {
    for body in [
        "",
        "{}",
        "null",
        r#"{"policy":null}"#,
        r#"{"policy":{"policy_source":"CUSTOM","absolute_session_timeout":-1}}"#,
        "<html>login</html>",
    ] {
        let server = Server::always(json(200, body)).await;
        let client = server.client();
        let error = client.request(&read_policy()).await.unwrap_err();
        assert_eq!(kind_and_outcome(&error), (ErrorKind::BadResponse, false), "{body}");
        let error = client.request(&write_policy()).await.unwrap_err();
        assert_eq!(kind_and_outcome(&error), (ErrorKind::BadResponse, true), "{body}");
    }
    let server = Server::always(json(201, INHERITED)).await;
    assert!(server.client().request(&write_policy()).await.is_ok());
}

#[tokio::test]
async fn a_version_is_sent_only_when_set() {
    let server = Server::always(json(200, INHERITED)).await;
    let client = server.client_with(Settings { api_version: Some("20260727".to_owned()), ..Settings::default() });
    client.request(&read_policy()).await.unwrap();
    assert!(server.received()[1].head.contains("x-api-version: 20260727"));
}

#[tokio::test]
async fn row_029_an_error_names_its_code_fields_and_request() {
    let body = r#"{"code":3,"message":"m","details":[{"error_code":"INVALID_ARGUMENT","request_info":{"request_id":"req-1"},"validation_error_info":{"field_violations":[{"field":"idle_session_timeout"}]}}]}"#;
    let server = Server::always(json(400, body)).await;
    let error = server.client().request(&write_policy()).await.unwrap_err();
    assert_eq!(kind_and_outcome(&error), (ErrorKind::Rejected, false));
    assert_eq!(error.detail.to_string(), "HTTP 400 INVALID_ARGUMENT, fields: idle_session_timeout, request req-1");
}

#[tokio::test]
async fn row_020_a_404_is_believed_only_from_scalekit() {
    let server = Server::api(|_, nth| match nth {
        1 => with(404, "content-type: text/html\r\n", "<html>404</html>"),
        _ => json(404, r#"{"code":5,"message":"x","details":[{"error_code":"NOT_FOUND"}]}"#),
    })
    .await;
    let client = server.client();
    assert_eq!(client.request(&read_policy()).await.unwrap_err().kind, ErrorKind::BadResponse);
    assert_eq!(client.request(&read_policy()).await.unwrap_err().kind, ErrorKind::NotFound);
}
