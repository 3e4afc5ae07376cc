//! The faults that a rule can inject.

use super::body::Forgery;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strum::IntoStaticStr;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Fault {
    /// Not carried out; the response is this one. A redirect is a 302 with a `location` header.
    Refuse {
        status: u16,
        #[serde(default)]
        body: Forgery,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Carried out; the response is replaced by this one.
    Answer {
        /// By default that of the real response.
        status: Option<u16>,
        body: Forgery,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Carried out at once; the response is delayed.
    SlowHeaders { delay_ms: u64 },
    /// Carried out at once; the body is sent in small chunks.
    SlowBody {
        #[serde(default = "one")]
        chunk_bytes: usize,
        every_ms: u64,
    },
    /// Carried out; the connection closes after so many bytes of the body.
    Truncated { keep_bytes: usize },
    /// Not carried out; the connection closes without a response.
    LostRequest,
    /// Carried out; the connection closes without a response.
    LostResponse,
    /// Carried out later, or never without `after_ms`; no response.
    Late { after_ms: Option<u64>, then: Then },
}

/// What the client of a late request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    HangUp,
    /// No response; the connection stays open.
    Silence,
}

impl Fault {
    /// The name in rules and in the journal.
    pub(crate) fn kind(&self) -> &'static str {
        self.into()
    }
}

fn one() -> usize {
    1
}
