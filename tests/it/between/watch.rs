//! The events of one watch on their way.

use super::{Shared, Tamper, status, tamper::LATE};
use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::Response,
};
use futures::{StreamExt, stream::unfold};
use serde_json::{Value, json};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::{sleep, timeout},
};

type Sent = Result<Bytes, io::Error>;

/// The watch, with what becomes of it as a whole, and of each of its events.
pub(super) fn tampered(shared: Arc<Shared>, response: Response<Body>, tamper: Option<Tamper>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let (send, receive) = channel(1);
    tokio::spawn(async move {
        let events = events(&shared, body.into_data_stream(), &send);
        match tamper {
            Some(Tamper::Silent) => send.closed().await,
            Some(Tamper::Brief) => _ = timeout(Duration::from_secs(1), events).await,
            _ => drop(events.await),
        }
    });
    let stream = unfold(receive, |mut receive: Receiver<Sent>| async move { Some((receive.recv().await?, receive)) });
    Response::from_parts(parts, Body::from_stream(Box::pin(stream)))
}

/// `None`: the watch has ended, or nobody reads it any more.
async fn events(shared: &Shared, mut stream: BodyDataStream, send: &Sender<Sent>) -> Option<()> {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let chunk = tokio::select! {
            () = send.closed() => return None,
            chunk = stream.next() => chunk?.ok()?,
        };
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Bytes = buffer.drain(..=end).collect();
            pass(shared, line, send).await?;
        }
    }
}

/// One event, with its line break.
async fn pass(shared: &Shared, line: Bytes, send: &Sender<Sent>) -> Option<()> {
    let event: Value = serde_json::from_slice(&line).unwrap();
    let (kind, name) = (event["type"].as_str().unwrap(), event["object"]["metadata"]["name"].as_str().unwrap_or(""));
    let before = shared.shown.lock().unwrap().insert(name.to_owned(), event["object"].clone());
    let tamper = shared.ledger.lock().unwrap().meet(format!("event {kind} {name}").trim_end());
    let more = |line: Value| Bytes::from(format!("{line}\n"));
    match tamper {
        Some(Tamper::Lost) => return None,
        Some(Tamper::Skipped) => return Some(()),
        Some(Tamper::Late) => sleep(LATE).await,
        Some(Tamper::Cut) => {
            send.send(Ok(line.slice(..line.len() / 2))).await.ok()?;
            send.send(Err(io::Error::other("cut"))).await.ok()?;
            return None;
        }
        Some(Tamper::Refused(code)) => {
            send.send(Ok(more(json!({"type": "ERROR", "object": status(code)})))).await.ok()?;
            return None;
        }
        _ => {}
    }
    send.send(Ok(line.clone())).await.ok()?;
    match tamper {
        Some(Tamper::Twice) => send.send(Ok(line)).await.ok(),
        Some(Tamper::Older) => match before {
            Some(before) => send.send(Ok(more(json!({"type": "MODIFIED", "object": before})))).await.ok(),
            None => Some(()),
        },
        Some(Tamper::Silent) => {
            send.closed().await;
            None
        }
        Some(Tamper::Ends) => None,
        _ => Some(()),
    }
}
