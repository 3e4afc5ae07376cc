//! A line of the log for each request to the API server: method, path, status and time, as kubectl has with `-v=6`; and
//! what else wants to know how each of them ended.

use futures::future::{BoxFuture, Either, FutureExt};
use hyper::{Method, Request, Response, StatusCode};
use std::{
    fmt::Display,
    sync::Arc,
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

/// Is told how each request ended: with a status, or without a response.
pub(crate) type Observer = Arc<dyn Fn(&Method, Option<StatusCode>) + Send + Sync>;

/// Puts [`Observed`] around a service.
pub(super) struct Observe(pub(super) Observer);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, service: S) -> Observed<S> {
        Observed { service, observer: Arc::clone(&self.0) }
    }
}

pub(super) struct Observed<S> {
    service: S,
    observer: Observer,
}

impl<S, B, R> Service<Request<B>> for Observed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let end = End { method: request.method().clone(), status: None, observer: Arc::clone(&self.observer) };
        let answer = self.service.call(request);
        let observed = async move {
            let mut end = end; // all of it, and not the one field that is set below
            let answer = answer.await;
            end.status = answer.as_ref().ok().map(Response::status);
            answer
        };
        observed.boxed()
    }
}

/// The end of a request; who waits for it no longer drops it.
struct End {
    method: Method,
    status: Option<StatusCode>,
    observer: Observer,
}

impl Drop for End {
    fn drop(&mut self) {
        (self.observer)(&self.method, self.status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{convert::Infallible, sync::Mutex};

    #[tokio::test]
    async fn each_request_is_counted_once_also_one_that_nobody_waits_for_any_more() {
        type Ended = (Method, Option<u16>);
        let seen: Arc<Mutex<Vec<Ended>>> = Arc::default();
        let sees = Arc::clone(&seen);
        let observer = move |method: &Method, status: Option<StatusCode>| {
            sees.lock().unwrap().push((method.clone(), status.map(|status| status.as_u16())));
        };
        let server = tower::service_fn(async |request: Request<u16>| match request.into_body() {
            0 => std::future::pending().await,
            status => Ok::<_, Infallible>(Response::builder().status(status).body(()).unwrap()),
        });
        let mut client = Observe(Arc::new(observer)).layer(server);
        let request = |method: Method, status| Request::builder().method(method).body(status).unwrap();
        client.call(request(Method::PATCH, 403)).await.unwrap();
        drop(client.call(request(Method::GET, 0)));
        assert_eq!(*seen.lock().unwrap(), [(Method::PATCH, Some(403)), (Method::GET, None)]);
    }
}
