//! The received requests, in order of arrival, so that tests can check what a client sent.

use super::http::{ApiRequest, form};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::time::Instant;

/// The most entries; older ones are dropped.
const CAPACITY: usize = 200_000;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    /// Milliseconds since the start.
    time_ms: u64,
    at: String,
    method: String,
    path: String,
    query: String,
    /// JSON if it is JSON, a form as an object, other text as a string.
    body: Value,
    /// `null` until a response is sent.
    pub(crate) status: Option<u16>,
    client_id: Option<String>,
    pub(crate) fault: Option<&'static str>,
}

/// Selects entries; a field that is `None` matches all.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    /// Selects entries with a larger sequence number.
    after: u64,
}

impl Filter {
    fn admits(&self, entry: &Entry) -> bool {
        entry.sequence > self.after
            && self.method.as_ref().is_none_or(|method| entry.method.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|path| super::faults::matches(path.as_bytes(), entry.path.as_bytes()))
            && self.status.is_none_or(|status| entry.status == Some(status))
    }
}

/// The entries. Sequence numbers go on after a clear, so that they are unique within a run.
#[derive(Debug)]
pub(crate) struct Journal {
    started: Instant,
    entries: VecDeque<Entry>,
    last: u64,
}

impl Journal {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, entries: VecDeque::new(), last: 0 }
    }

    /// Adds an entry for the request and gives the request its number.
    pub(crate) fn record(&mut self, request: &mut ApiRequest, client_id: Option<String>, now: Instant) {
        self.last += 1;
        request.sequence = self.last;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        let elapsed = now.saturating_duration_since(self.started).as_millis();
        self.entries.push_back(Entry {
            sequence: request.sequence,
            time_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
            at: Timestamp::now().to_string(),
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            body: shown(request),
            status: None,
            client_id,
            fault: None,
        });
    }

    /// Completes the entry of a request, if it is still there.
    pub(crate) fn complete(&mut self, sequence: u64, with: impl FnOnce(&mut Entry)) {
        let first = self.entries.front().map_or(u64::MAX, |entry| entry.sequence);
        let position = sequence.checked_sub(first).and_then(|position| usize::try_from(position).ok());
        if let Some(entry) = position.and_then(|position| self.entries.get_mut(position)) {
            with(entry);
        }
    }

    pub(crate) fn read<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| filter.admits(entry))
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// The body as the journal shows it, with client secrets redacted.
fn shown(request: &ApiRequest) -> Value {
    if request.body.is_empty() {
        return Value::Null;
    }
    if request.uri.path() == "/oauth/token" {
        let secretless = |(name, value): (String, String)| {
            let value = if name == "client_secret" { "[redacted]".to_owned() } else { value };
            (name, Value::String(value))
        };
        let fields = form(&String::from_utf8_lossy(&request.body));
        return Value::Object(fields.into_iter().map(secretless).collect::<Map<_, _>>());
    }
    serde_json::from_slice(&request.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&request.body).into_owned()))
}
