//! One token for all who use the same credentials, and when none is asked for.

use crate::{
    reconcile::{ErrorKind, RemoteError},
    scalekit::{
        Settings,
        refusals::LOCKOUT,
        token::{Grant, RENEWAL_PAUSE, Token, Tokens},
    },
};
use secrecy::SecretString;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

/// Tokens, and how often the endpoint was asked.
#[derive(Clone)]
struct Bench {
    tokens: Arc<Tokens>,
    asked: Arc<AtomicU64>,
}

impl Default for Bench {
    fn default() -> Self {
        Self { tokens: Arc::new(Tokens::new(0, &Settings::default())), asked: Arc::default() }
    }
}

impl Bench {
    async fn get(&self, response: Result<u64, ErrorKind>) -> Result<String, ErrorKind> {
        self.token(response).await.map(|token| token.value().to_owned())
    }

    async fn token(&self, response: Result<u64, ErrorKind>) -> Result<Token, ErrorKind> {
        let fetch = async {
            let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let value = SecretString::from(format!("t{n}"));
            let grant = |s| Grant { value, lifetime: Duration::from_secs(s), issuer: None };
            response.map(grant).map_err(RemoteError::new)
        };
        self.tokens.get(|_| fetch).await.map_err(|error| error.kind)
    }

    async fn refuse(&self, token: &Token, last: bool) -> bool {
        self.tokens.on_unauthorized(token, last, RemoteError::new(ErrorKind::AuthFailed)).await.is_err()
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn row_001_a_hundred_callers_fetch_one_token() {
    let bench = Bench::default();
    let all = futures::future::join_all((0..100).map(|_| bench.get(Ok(1000)))).await;
    assert!(all.iter().all(|token| token.as_deref() == Ok("t1")));
    assert_eq!(bench.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_share_one_failure_and_the_next_one_tries_again() {
    let bench = Bench::default();
    let all = futures::future::join_all((0..100).map(|_| bench.get(Err(ErrorKind::Unavailable)))).await;
    assert!(all.iter().all(|token| *token == Err(ErrorKind::Unavailable)));
    assert_eq!(bench.asked(), 1);
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_leaves_the_fetch_to_the_next() {
    let bench = Bench::default();
    let first = tokio::time::timeout(Duration::from_millis(10), bench.get(Ok(1000)));
    let (first, second) = tokio::join!(first, bench.get(Ok(1000)));
    assert!(first.is_err());
    assert_eq!(second.as_deref(), Ok("t2"));
}

#[tokio::test(start_paused = true)]
async fn row_004_a_token_is_renewed_at_four_fifths_of_its_life() {
    let bench = Bench::default();
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
    tokio::time::advance(799 * SECOND).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
    tokio::time::advance(SECOND).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_token_endpoint_does_not_cost_a_token_that_is_still_good() {
    let bench = Bench::default();
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
    tokio::time::advance(800 * SECOND).await;
    assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await.as_deref(), Ok("t1"));
    assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await.as_deref(), Ok("t1"));
    assert_eq!(bench.asked(), 2);
    tokio::time::advance(200 * SECOND).await;
    assert_eq!(bench.get(Err(ErrorKind::Unavailable)).await, Err(ErrorKind::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn row_003_rejected_credentials_are_tried_once_in_five_minutes() {
    let bench = Bench::default();
    for _ in 0..3 {
        assert_eq!(bench.get(Err(ErrorKind::CredentialsRejected)).await, Err(ErrorKind::CredentialsRejected));
    }
    assert_eq!(bench.asked(), 1);
    tokio::time::advance(LOCKOUT).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
}

#[tokio::test(start_paused = true)]
async fn row_001_only_the_refused_token_is_forgotten() {
    let bench = Bench::default();
    let old = bench.token(Ok(1000)).await.ok().unwrap();
    assert!(!bench.refuse(&old, false).await);
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
    assert!(!bench.refuse(&old, false).await);
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t2"));
    assert_eq!(bench.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn row_002_a_second_refusal_locks_the_client_out_and_then_allows_one_try_at_a_time() {
    let bench = Bench::default();
    let token = bench.token(Ok(1000)).await.ok().unwrap();
    assert!(bench.refuse(&token, true).await);
    assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::AuthFailed));
    tokio::time::advance(LOCKOUT).await;
    let token = bench.token(Ok(1000)).await.ok().unwrap();
    assert!(bench.refuse(&token, false).await);
    assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::AuthFailed));
    assert_eq!(bench.asked(), 2);
    tokio::time::advance(LOCKOUT).await;
    let token = bench.token(Ok(1000)).await.ok().unwrap();
    bench.tokens.on_accepted();
    assert!(!bench.refuse(&token, false).await);
}

#[tokio::test(start_paused = true)]
async fn row_012_a_429_without_a_hint_locks_the_client_out_for_longer_and_longer() {
    let bench = Bench::default();
    let without_hint = Err(ErrorKind::RateLimited { retry_after: Duration::ZERO });
    for nth in 1..20 {
        let Err(ErrorKind::RateLimited { retry_after }) = bench.get(without_hint).await else { panic!("{nth}") };
        assert!(retry_after >= SECOND && retry_after <= 2u32.saturating_pow(nth).min(300) * SECOND);
        assert!(matches!(bench.get(Ok(1000)).await, Err(ErrorKind::RateLimited { .. })));
        assert_eq!(bench.asked(), u64::from(nth));
        tokio::time::advance(retry_after).await;
    }
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t20"));
}

#[tokio::test(start_paused = true)]
async fn row_004_after_an_answer_without_a_token_these_credentials_are_not_tried_for_half_a_minute() {
    let bench = Bench::default();
    for nth in 1..5 {
        assert_eq!(bench.get(Err(ErrorKind::BadAuthResponse)).await, Err(ErrorKind::BadAuthResponse));
        assert_eq!(bench.get(Ok(1000)).await, Err(ErrorKind::BadAuthResponse));
        let again = bench.tokens.get(|_| std::future::pending()).await.map(drop).unwrap_err();
        assert_eq!(again.probe_after, Some(RENEWAL_PAUSE), "and tried right after it");
        assert_eq!(bench.asked(), nth);
        tokio::time::advance(RENEWAL_PAUSE).await;
    }
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t5"));
    tokio::time::advance(800 * SECOND).await;
    assert_eq!(bench.get(Err(ErrorKind::BadAuthResponse)).await.as_deref(), Ok("t5"), "it is still good");
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t5"));
    tokio::time::advance(RENEWAL_PAUSE).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t7"));
}

#[tokio::test(start_paused = true)]
async fn a_429_costs_no_token_that_is_still_good() {
    let bench = Bench::default();
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
    tokio::time::advance(800 * SECOND).await;
    let limited = Err(ErrorKind::RateLimited { retry_after: 60 * SECOND });
    assert_eq!(bench.get(limited).await.as_deref(), Ok("t1"));
    tokio::time::advance(59 * SECOND).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t1"));
    tokio::time::advance(SECOND).await;
    assert_eq!(bench.get(Ok(1000)).await.as_deref(), Ok("t3"));
}
