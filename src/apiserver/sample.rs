//! A client whose API server is a function.

use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use std::convert::Infallible;

/// A client of which each request is answered with the code and the body that `answer` gives for its method and path.
pub(crate) fn sample(answer: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> kube::Client {
    let answer = move |request: Request<Body>| {
        let (code, body) = answer(request.method().as_str(), request.uri().path());
        let mut response = Response::new(Body::from(body.into_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
        async { Ok::<_, Infallible>(response) }
    };
    kube::Client::new(tower::service_fn(answer), "default")
}
