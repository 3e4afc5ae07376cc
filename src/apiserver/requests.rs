//! A line of the log for each request to the API server: method, path, status and time, as kubectl has with `-v=6`.

use futures::future::{BoxFuture, Either, FutureExt};
use hyper::{Request, Response};
use std::{
    fmt::Display,
    task::{Context, Poll},
    time::Instant,
};
use tower::{Layer, Service};
use tracing::Level;

/// Puts [`Logged`] around a service.
pub(super) struct Log;

impl<S> Layer<S> for Log {
    type Service = Logged<S>;

    fn layer(&self, service: S) -> Logged<S> {
        Logged(service)
    }
}

pub(super) struct Logged<S>(S);

impl<S, B, R> Service<Request<B>> for Logged<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !tracing::enabled!(Level::DEBUG) {
            return Either::Left(self.0.call(request));
        }
        // no header is shown, since one has the token
        let (method, uri, start) = (request.method().clone(), request.uri().clone(), Instant::now());
        let answer = self.0.call(request);
        let logged = async move {
            let answer = answer.await;
            let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            match &answer {
                Ok(response) => tracing::debug!(%method, %uri, status = response.status().as_u16(), ms, "request"),
                Err(error) => tracing::debug!(%method, %uri, ms, %error, "request"),
            }
            answer
        };
        Either::Right(logged.boxed())
    }
}
