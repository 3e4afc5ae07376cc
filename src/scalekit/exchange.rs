//! One HTTP exchange: its turn at the throttle, the deadline over all of it,
//! a bound on what is read.

use super::{pause::Told, throttle::Throttle};
use crate::reconcile::{Detail, Fault, FaultKind};
use reqwest::{RequestBuilder, Response};
use std::{error::Error, io};
use tokio::time::{Instant, timeout_at};

/// The most bytes of an answer that are read (failure-catalogue row 21). A page
/// of 100 organizations with all their fields stays below it.
const LARGEST: usize = 256 * 1024;
/// The deepest nesting that is parsed.
const DEEPEST: usize = 32;

/// An answer, complete.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) told: Told,
    pub(super) body: Vec<u8>,
}

/// Sends `request` when it is its turn. `writes`: a missing answer leaves open
/// whether it was applied.
pub(super) async fn exchange(
    request: RequestBuilder,
    writes: bool,
    throttle: &Throttle,
    deadline: Instant,
) -> Result<Answer, Fault> {
    throttle.turn().await.map_err(|retry_after| Fault::new(FaultKind::RateLimited { retry_after }))?;
    if Instant::now() >= deadline {
        return Err(Fault::new(FaultKind::TimedOut)); // waited too long for its turn: nothing was sent
    }
    match timeout_at(deadline, receive(request, writes)).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault { may_have_landed: writes, ..Fault::new(FaultKind::TimedOut) }),
    }
}

async fn receive(request: RequestBuilder, writes: bool) -> Result<Answer, Fault> {
    let response = request.send().await.map_err(|error| not_received(&error, writes))?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let told = Told { retry_after: header("retry-after"), detail: None, reset: header("x-ratelimit-reset") };
    let body = read(response, status, writes).await?;
    Ok(Answer { status, told, body })
}

async fn read(mut response: Response, status: u16, writes: bool) -> Result<Vec<u8>, Fault> {
    let bad = |note| Fault {
        may_have_landed: writes && !(300..500).contains(&status),
        detail: Detail { status: Some(status), note: Some(note), ..Detail::default() },
        ..Fault::new(FaultKind::BadResponse)
    };
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(bad("the answer is larger than 256 KiB")),
            Ok(None) if depth(&body) > DEEPEST => return Err(bad("the answer is nested too deeply")),
            Ok(None) => return Ok(body),
            Err(_) => return Err(bad("the answer broke off")),
        }
    }
}

fn not_received(error: &reqwest::Error, writes: bool) -> Fault {
    let connecting = error.is_connect() || error.is_builder();
    let kind = match () {
        () if tls(error) => FaultKind::Tls,
        () if error.is_timeout() => FaultKind::TimedOut,
        () => FaultKind::Unreachable,
    };
    Fault { may_have_landed: writes && !connecting, ..Fault::new(kind) }
}

/// Whether the chain of causes has one of TLS.
fn tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// How deeply the brackets of a JSON text nest, without parsing it.
fn depth(text: &[u8]) -> usize {
    let (mut open, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(br#"{"a":["[[[\"[[",{}]}"#), 3);
        assert_eq!(depth(&[b'['; 100_000]), 100_000);
    }
}
