//! A client whose API server is a function.

use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use std::{convert::Infallible, sync::Arc};

/// A client of which each request is answered with the code and the body that `answer` gives for its method and path.
pub(crate) fn sample(answer: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> kube::Client {
    let answer = move |request: Request<Body>| {
        let answered = answer(request.method().as_str(), request.uri().path());
        async { Ok::<_, Infallible>(response(answered)) }
    };
    kube::Client::new(tower::service_fn(answer), "default")
}

/// The same, for the body that was sent.
pub(crate) fn sample_of_bodies(answer: impl Fn(&[u8]) -> (u16, String) + Send + Sync + 'static) -> kube::Client {
    let answer = Arc::new(answer);
    let answer = move |request: Request<Body>| {
        let answer = Arc::clone(&answer);
        async move { request.into_body().collect_bytes().await.map(|sent| response(answer(&sent))) }
    };
    kube::Client::new(tower::service_fn(answer), "default")
}

fn response((code, body): (u16, String)) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into_bytes()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
    response
}
