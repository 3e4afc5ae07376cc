//! What an answer means: its status, and the few words of its body that may be
//! shown (`scalekit-api.md` §4.2, failure-catalogue rows 14–21 and 93).

use super::{
    exchange::{Answer, Body, Lost},
    wire,
};
use crate::reconcile::{Detail, Fault, FaultKind};
use std::time::Duration;

/// The body of a good answer, or what is wrong with the answer. `paused` is
/// what a 429 led to; what contains, or is contained in, one of `secrets` is
/// never shown.
pub(super) fn verdict(
    answer: Answer,
    writes: bool,
    paused: Option<Duration>,
    secrets: &[&str],
) -> Result<Vec<u8>, Fault> {
    let good = (200..300).contains(&answer.status);
    let body = match answer.body {
        Body::Whole(body) => body,
        Body::Late => return Err(bodiless(answer.status, writes, FaultKind::TimedOut, "the answer came too slowly")),
        Body::TooLarge if good => {
            return Err(bodiless(answer.status, writes, FaultKind::BadResponse, "the answer is too large"));
        }
        Body::BrokenOff if good => {
            return Err(bodiless(answer.status, writes, FaultKind::BadResponse, "the answer broke off"));
        }
        // An error is one by its status alone.
        Body::TooLarge | Body::BrokenOff => Vec::new(),
    };
    if good {
        return Ok(body);
    }
    let told = wire::told(&body);
    let (kind, note) = kind(answer.status, told.not_found, paused);
    let secret = |text: &str| secrets.iter().any(|secret| secret.contains(text) || text.contains(secret));
    let detail = Detail {
        status: Some(answer.status),
        code: told.error_code.filter(|code| !secret(code)),
        request_id: told.request_id.filter(|id| !secret(id)),
        fields: told.fields.iter().filter(|field| !secret(field)).map(|&field| field.to_owned()).collect(),
        note,
    };
    Err(Fault { may_have_landed: writes && !declined(answer.status), detail, ..Fault::new(kind) })
}

fn bodiless(status: u16, writes: bool, kind: FaultKind, note: &'static str) -> Fault {
    let detail = Detail { status: Some(status), note: Some(note), ..Detail::default() };
    Fault { may_have_landed: writes && !declined(status), detail, ..Fault::new(kind) }
}

/// Whether the status alone says that nothing was applied. A server or a proxy
/// that gave up (408, 499, 5xx) does not tell how far it came.
fn declined(status: u16) -> bool {
    matches!(status, 300..=499 | 501) && !matches!(status, 408 | 499)
}

fn kind(status: u16, not_found: bool, paused: Option<Duration>) -> (FaultKind, Option<&'static str>) {
    let kind = match status {
        401 => FaultKind::AuthFailed,
        403 => FaultKind::Forbidden,
        404 if not_found => FaultKind::NotFound,
        404 => return (FaultKind::BadResponse, Some("the 404 is not one of Scalekit's")),
        409 => FaultKind::Conflict,
        408 | 499 => FaultKind::Unavailable,
        429 => FaultKind::RateLimited { retry_after: paused.unwrap_or(Duration::from_secs(1)) },
        400..=499 => FaultKind::Rejected,
        501 => FaultKind::Unsupported,
        500..=599 => FaultKind::Unavailable,
        300..=399 => return (FaultKind::BadResponse, Some("the answer is a redirect, which is never followed")),
        _ => return (FaultKind::BadResponse, Some("the answer has an unknown status")),
    };
    (kind, None)
}

/// What kind of outage an exchange is a sign of; `None`: somebody who is in
/// order answered, whatever the answer says.
pub(super) fn outage(result: &Result<Answer, Lost>) -> Option<FaultKind> {
    use FaultKind::{TimedOut, Tls, Unavailable, Unreachable};
    let kind = match result {
        Err(lost) => lost.kind,
        Ok(Answer { body: Body::Late, .. }) => TimedOut,
        Ok(answer) => kind(answer.status, false, None).0,
    };
    matches!(kind, TimedOut | Tls | Unavailable | Unreachable).then_some(kind)
}

/// The fault of a call whose request got no answer.
pub(super) fn unanswered(lost: &Lost, writes: bool) -> Fault {
    let detail = Detail { note: Some(lost.note), ..Detail::default() };
    Fault { may_have_landed: writes && lost.sent, detail, ..Fault::new(lost.kind) }
}

/// The fault of a call whose good answer cannot be understood.
pub(super) fn unreadable(note: &'static str, writes: bool) -> Fault {
    let detail = Detail { note: Some(note), ..Detail::default() };
    Fault { may_have_landed: writes, detail, ..Fault::new(FaultKind::BadResponse) }
}

/// The fault of a token request, from the fault that the same answer would be
/// for a call (`scalekit-api.md` §1.4).
pub(super) fn without_token(fault: Fault) -> Fault {
    let kind = match (fault.kind, fault.detail.status) {
        (_, Some(400 | 401 | 403)) => FaultKind::CredentialsRejected,
        (FaultKind::Unsupported, _) => FaultKind::Unavailable,
        (FaultKind::NotFound | FaultKind::Conflict | FaultKind::Rejected | FaultKind::BadResponse, _) => {
            FaultKind::BadAuthResponse
        }
        (kind, _) => kind,
    };
    Fault { kind, may_have_landed: false, ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalekit::pause::Told;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer { status, told: Told::default(), body: Body::Whole(body.to_vec()) }
    }

    fn fault(status: u16, body: &str, writes: bool) -> Fault {
        verdict(answer(status, body.as_bytes()), writes, None, &["s3cret"]).unwrap_err()
    }

    #[test]
    fn each_status_is_one_kind_of_trouble() {
        let wait = FaultKind::RateLimited { retry_after: Duration::from_secs(1) };
        for (status, kind, may_have_landed) in [
            (301, FaultKind::BadResponse, false),
            (302, FaultKind::BadResponse, false),
            (304, FaultKind::BadResponse, false),
            (400, FaultKind::Rejected, false),
            (401, FaultKind::AuthFailed, false),
            (403, FaultKind::Forbidden, false),
            (405, FaultKind::Rejected, false),
            (408, FaultKind::Unavailable, true),
            (409, FaultKind::Conflict, false),
            (412, FaultKind::Rejected, false),
            (429, wait, false),
            (499, FaultKind::Unavailable, true),
            (500, FaultKind::Unavailable, true),
            (501, FaultKind::Unsupported, false),
            (502, FaultKind::Unavailable, true),
            (503, FaultKind::Unavailable, true),
            (504, FaultKind::Unavailable, true),
            (700, FaultKind::BadResponse, true),
        ] {
            for body in ["", "<html>", r#"{"code":5,"details":[]}"#] {
                let found = fault(status, body, true);
                assert_eq!((found.kind, found.may_have_landed), (kind, may_have_landed), "{status} {body}");
                assert!(!fault(status, body, false).may_have_landed, "{status}");
            }
        }
    }

    #[test]
    fn row_015_an_outage_is_no_answer_a_late_one_or_a_server_error() {
        let of = |status, body| outage(&Ok(Answer { status, told: Told::default(), body }));
        for status in [200, 301, 400, 401, 403, 404, 409, 429, 501] {
            assert_eq!(of(status, Body::Whole(Vec::new())), None, "{status}");
        }
        for status in [408, 499, 500, 502, 503, 504] {
            assert_eq!(of(status, Body::Whole(Vec::new())), Some(FaultKind::Unavailable), "{status}");
        }
        assert_eq!(of(200, Body::Late), Some(FaultKind::TimedOut));
        assert_eq!(of(200, Body::TooLarge), None);
        for kind in [FaultKind::Unreachable, FaultKind::Tls, FaultKind::TimedOut] {
            assert_eq!(outage(&Err(Lost { kind, note: "", sent: false })), Some(kind));
        }
        let unsendable = Lost { kind: FaultKind::BadResponse, note: "", sent: false };
        assert_eq!(outage(&Err(unsendable)), None);
    }

    #[test]
    fn row_020_only_scalekits_own_404_means_not_found() {
        for body in [r#"{"code":5}"#, r#"{"code":"5","message":"x"}"#, r#"{"code":5.0,"details":[]}"#] {
            assert_eq!(fault(404, body, false).kind, FaultKind::NotFound, "{body}");
        }
        for body in ["", "<html>404</html>", "{}", r#"{"code":404}"#, r#"{"error":"not found"}"#, "[5]"] {
            assert_eq!(fault(404, body, false).kind, FaultKind::BadResponse, "{body}");
        }
    }

    #[test]
    fn row_017_a_good_status_whose_body_is_lost_may_have_landed() {
        for (body, kind) in [
            (Body::TooLarge, FaultKind::BadResponse),
            (Body::BrokenOff, FaultKind::BadResponse),
            (Body::Late, FaultKind::TimedOut),
        ] {
            let found = verdict(Answer { status: 200, told: Told::default(), body }, true, None, &[]).unwrap_err();
            assert_eq!((found.kind, found.may_have_landed), (kind, true));
        }
        let late = Answer { status: 400, told: Told::default(), body: Body::Late };
        assert!(!verdict(late, true, None, &[]).unwrap_err().may_have_landed);
        assert_eq!(verdict(answer(201, b"x"), true, None, &[]), Ok(b"x".to_vec()));
    }

    #[test]
    fn what_overlaps_with_a_secret_is_not_shown() {
        let body = r#"{"code":3,"error_code":"ABC","request_info":{"request_id":"req-1"},
            "validation_error_info":{"field_violations":[{"field":"external_id"}]}}"#;
        let shown = |secrets: &[&str]| verdict(answer(400, body.as_bytes()), false, None, secrets).unwrap_err().detail;
        assert_eq!(shown(&["other"]).to_string(), "HTTP 400 ABC, fields: external_id, request req-1");
        assert_eq!(shown(&["ABC"]).to_string(), "HTTP 400, fields: external_id, request req-1");
        assert_eq!(shown(&["xABCx"]).code, None);
        assert_eq!(shown(&["eq"]).request_id, None);
        assert_eq!(shown(&["my_external_id"]).fields, Vec::<String>::new());
    }

    #[test]
    fn a_token_request_is_refused_or_out_of_order_or_no_token_request_at_all() {
        for (status, kind) in [
            (400, FaultKind::CredentialsRejected),
            (401, FaultKind::CredentialsRejected),
            (403, FaultKind::CredentialsRejected),
            (404, FaultKind::BadAuthResponse),
            (405, FaultKind::BadAuthResponse),
            (409, FaultKind::BadAuthResponse),
            (302, FaultKind::BadAuthResponse),
            (408, FaultKind::Unavailable),
            (500, FaultKind::Unavailable),
            (501, FaultKind::Unavailable),
            (503, FaultKind::Unavailable),
        ] {
            let found = without_token(fault(status, r#"{"error":"invalid_client"}"#, false));
            assert_eq!((found.kind, found.may_have_landed), (kind, false), "{status}");
        }
    }
}
