//! Classifies a response by its status, and takes from its body the few words that an error may show
//! (`scalekit-api.md` §4.2, `docs/development/failures.md` rows 14–21).

use super::{
    http::{Body, HttpResponse, TransportError},
    wire,
};
use crate::reconcile::{Detail, ErrorClass, ErrorKind, Note, RemoteError};
use std::time::Duration;

/// The body of a successful response, or the error that the response means. `writes`: the request
/// was a write. `paused`: how long to wait after a 429, or until the next probe in an outage. A word
/// that contains one of `secrets`, or is part of one, does not get into the error.
pub(super) fn classify(
    response: HttpResponse,
    writes: bool,
    paused: Option<Duration>,
    secrets: &[&str],
) -> Result<Vec<u8>, RemoteError> {
    let status = response.status;
    let success = (200..300).contains(&status);
    let (body, problem) = match response.body {
        Body::Whole(body) if success => return Ok(body),
        Body::Whole(body) => (body, None),
        Body::TimedOut => (Vec::new(), Some((ErrorKind::TimedOut, Note::TooSlow))),
        Body::TooLarge if success => (Vec::new(), Some((ErrorKind::BadResponse, Note::TooLarge))),
        Body::Truncated if success => (Vec::new(), Some((ErrorKind::BadResponse, Note::Truncated))),
        // The status alone makes it an error.
        Body::TooLarge | Body::Truncated => (Vec::new(), None),
    };
    let info = wire::error_info(&body);
    let (kind, note) = match problem {
        Some((kind, note)) => (kind, Some(note)),
        None => kind(status, info.not_found, paused),
    };
    let secret = |text: &str| secrets.iter().any(|secret| secret.contains(text) || text.contains(secret));
    let detail = Detail {
        status: Some(status),
        code: info.error_code.filter(|code| !secret(code)),
        request_id: info.request_id.filter(|id| !secret(id)),
        fields: info.fields.iter().filter(|field| !secret(field)).map(|&field| field.to_owned()).collect(),
        note,
    };
    let (outcome_unknown, probe_after) = (writes && !surely_not_applied(status), paused.filter(|_| status != 429));
    Err(RemoteError { outcome_unknown, probe_after, detail, ..RemoteError::new(kind) })
}

/// Whether the status alone says that a write was not applied. After 408, 499 and 5xx, which a proxy
/// may send too, it is unknown.
fn surely_not_applied(status: u16) -> bool {
    matches!(status, 300..=499 | 501) && !matches!(status, 408 | 499)
}

fn kind(status: u16, not_found: bool, paused: Option<Duration>) -> (ErrorKind, Option<Note>) {
    let kind = match status {
        401 => ErrorKind::AuthFailed,
        403 => ErrorKind::Forbidden,
        404 if not_found => ErrorKind::NotFound,
        404 => return (ErrorKind::BadResponse, Some(Note::Foreign404)),
        409 => ErrorKind::Conflict,
        408 | 499 => ErrorKind::Unavailable,
        429 => ErrorKind::RateLimited { retry_after: paused.unwrap_or(Duration::from_secs(1)) },
        400..=499 => ErrorKind::Rejected,
        501 => ErrorKind::Unsupported,
        500..=599 => ErrorKind::Unavailable,
        300..=399 => return (ErrorKind::BadResponse, Some(Note::Redirect)),
        _ => return (ErrorKind::BadResponse, Some(Note::UnknownStatus)),
    };
    (kind, None)
}

/// The error kind if the result of a request is a sign of an outage; `None` if the server works,
/// whatever it responded.
pub(super) fn outage_kind(result: &Result<HttpResponse, TransportError>) -> Option<ErrorKind> {
    let kind = match result {
        Err(error) => error.kind,
        Ok(HttpResponse { body: Body::TimedOut, .. }) => ErrorKind::TimedOut,
        Ok(response) => kind(response.status, false, None).0,
    };
    (kind.reached() == Some(false)).then_some(kind)
}

/// Removes from an error what a tenant must not learn about a host outside Scalekit's domains: its
/// response, and how it failed. Otherwise a tenant could scan the ports of the network by the reasons
/// in a status.
pub(super) fn concealed(error: RemoteError) -> RemoteError {
    let kind = match (error.kind, error.kind.class()) {
        (ErrorKind::Conflict, _) => ErrorKind::Conflict,
        (_, ErrorClass::Transient) => ErrorKind::Unreachable,
        (kind, _) => kind,
    };
    RemoteError { kind, detail: Detail::default(), ..error }
}

pub(super) fn error(kind: ErrorKind, note: Note) -> RemoteError {
    RemoteError { detail: Detail { note: Some(note), ..Detail::default() }, ..RemoteError::new(kind) }
}

/// The error of a successful response that does not follow the contract.
pub(super) fn bad_response(note: Note, writes: bool) -> RemoteError {
    RemoteError { outcome_unknown: writes, ..error(ErrorKind::BadResponse, note) }
}

/// Converts the error of an API request into that of a token request with the same response
/// (`scalekit-api.md` §1.4). `foreign`: the body is not Scalekit's, so a proxy may have refused the
/// request and not the credentials.
pub(super) fn as_token_error(error: RemoteError, foreign: bool) -> RemoteError {
    let kind = match (error.kind, error.detail.status) {
        (_, Some(400 | 403)) if foreign => ErrorKind::BadAuthResponse,
        (_, Some(400 | 401 | 403)) => ErrorKind::CredentialsRejected,
        (ErrorKind::Unsupported, _) => ErrorKind::Unavailable,
        (ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::BadResponse, _) => {
            ErrorKind::BadAuthResponse
        }
        (kind, _) => kind,
    };
    RemoteError { kind, outcome_unknown: false, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalekit::retry_after::RetryHint;

    fn response(status: u16, body: &[u8]) -> HttpResponse {
        HttpResponse {
            status,
            retry_hint: RetryHint::default(),
            allowance: None,
            date: None,
            body: Body::Whole(body.to_vec()),
        }
    }

    fn error(status: u16, body: &str, writes: bool) -> RemoteError {
        classify(response(status, body.as_bytes()), writes, None, &["s3cret"]).unwrap_err()
    }

    #[test]
    fn each_status_is_one_kind_of_error() {
        let wait = ErrorKind::RateLimited { retry_after: Duration::from_secs(1) };
        for (status, kind, outcome_unknown) in [
            (301, ErrorKind::BadResponse, false),
            (302, ErrorKind::BadResponse, false),
            (304, ErrorKind::BadResponse, false),
            (400, ErrorKind::Rejected, false),
            (401, ErrorKind::AuthFailed, false),
            (403, ErrorKind::Forbidden, false),
            (405, ErrorKind::Rejected, false),
            (408, ErrorKind::Unavailable, true),
            (409, ErrorKind::Conflict, false),
            (412, ErrorKind::Rejected, false),
            (429, wait, false),
            (499, ErrorKind::Unavailable, true),
            (500, ErrorKind::Unavailable, true),
            (501, ErrorKind::Unsupported, false),
            (502, ErrorKind::Unavailable, true),
            (503, ErrorKind::Unavailable, true),
            (504, ErrorKind::Unavailable, true),
            (700, ErrorKind::BadResponse, true),
        ] {
            for body in ["", "<html>", r#"{"code":5,"details":[]}"#] {
                let found = error(status, body, true);
                assert_eq!((found.kind, found.outcome_unknown), (kind, outcome_unknown), "{status} {body}");
                assert!(!error(status, body, false).outcome_unknown, "{status}");
            }
        }
    }

    #[test]
    fn row_015_an_outage_is_no_answer_a_late_one_or_a_server_error() {
        let of = |status, body| {
            outage_kind(&Ok(HttpResponse {
                status,
                retry_hint: RetryHint::default(),
                allowance: None,
                date: None,
                body,
            }))
        };
        for status in [200, 301, 400, 401, 403, 404, 409, 429, 501] {
            assert_eq!(of(status, Body::Whole(Vec::new())), None, "{status}");
        }
        for status in [408, 499, 500, 502, 503, 504] {
            assert_eq!(of(status, Body::Whole(Vec::new())), Some(ErrorKind::Unavailable), "{status}");
        }
        assert_eq!(of(200, Body::TimedOut), Some(ErrorKind::TimedOut));
        assert_eq!(of(200, Body::TooLarge), None);
        for kind in [ErrorKind::Unreachable, ErrorKind::Tls, ErrorKind::TimedOut] {
            assert_eq!(outage_kind(&Err(TransportError { kind, note: Note::NoAnswer, sent: false })), Some(kind));
        }
        let unsendable = TransportError { kind: ErrorKind::BadResponse, note: Note::NoAnswer, sent: false };
        assert_eq!(outage_kind(&Err(unsendable)), None);
    }

    #[test]
    fn row_020_only_scalekits_own_404_means_not_found() {
        for body in [r#"{"code":5}"#, r#"{"code":"5","message":"x"}"#, r#"{"code":5.0,"details":[]}"#] {
            assert_eq!(error(404, body, false).kind, ErrorKind::NotFound, "{body}");
        }
        for body in ["", "<html>404</html>", "{}", r#"{"code":404}"#, r#"{"error":"not found"}"#, "[5]"] {
            assert_eq!(error(404, body, false).kind, ErrorKind::BadResponse, "{body}");
        }
    }

    #[test]
    fn row_017_a_good_status_whose_body_is_lost_has_an_unknown_outcome() {
        for (body, kind) in [
            (Body::TooLarge, ErrorKind::BadResponse),
            (Body::Truncated, ErrorKind::BadResponse),
            (Body::TimedOut, ErrorKind::TimedOut),
        ] {
            let found = classify(
                HttpResponse { status: 200, retry_hint: RetryHint::default(), allowance: None, date: None, body },
                true,
                None,
                &[],
            )
            .unwrap_err();
            assert_eq!((found.kind, found.outcome_unknown), (kind, true));
        }
        let late = HttpResponse {
            status: 400,
            retry_hint: RetryHint::default(),
            allowance: None,
            date: None,
            body: Body::TimedOut,
        };
        assert!(!classify(late, true, None, &[]).unwrap_err().outcome_unknown);
        assert_eq!(classify(response(201, b"x"), true, None, &[]), Ok(b"x".to_vec()));
    }

    #[test]
    fn what_overlaps_with_a_secret_is_not_shown() {
        let body = r#"{"code":3,"error_code":"ABC","request_info":{"request_id":"req-1"},
            "validation_error_info":{"field_violations":[{"field":"external_id"}]}}"#;
        let shown =
            |secrets: &[&str]| classify(response(400, body.as_bytes()), false, None, secrets).unwrap_err().detail;
        assert_eq!(shown(&["other"]).to_string(), "HTTP 400 ABC, fields: external_id, request req-1");
        assert_eq!(shown(&["ABC"]).to_string(), "HTTP 400, fields: external_id, request req-1");
        assert_eq!(shown(&["xABCx"]).code, None);
        assert_eq!(shown(&["eq"]).request_id, None);
        assert_eq!(shown(&["my_external_id"]).fields, Vec::<String>::new());
    }

    #[test]
    fn the_error_of_a_token_request_says_whether_it_was_refused_failed_or_answered_by_another_server() {
        for (status, kind) in [
            (400, ErrorKind::CredentialsRejected),
            (401, ErrorKind::CredentialsRejected),
            (403, ErrorKind::CredentialsRejected),
            (404, ErrorKind::BadAuthResponse),
            (405, ErrorKind::BadAuthResponse),
            (409, ErrorKind::BadAuthResponse),
            (302, ErrorKind::BadAuthResponse),
            (408, ErrorKind::Unavailable),
            (500, ErrorKind::Unavailable),
            (501, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            let found = as_token_error(error(status, r#"{"error":"invalid_client"}"#, false), false);
            assert_eq!((found.kind, found.outcome_unknown), (kind, false), "{status}");
        }
        for (status, kind) in [
            (400, ErrorKind::BadAuthResponse),
            (401, ErrorKind::CredentialsRejected),
            (403, ErrorKind::BadAuthResponse),
        ] {
            assert_eq!(as_token_error(error(status, "<html>", false), true).kind, kind, "{status} of a proxy");
        }
    }
}
