//! The faults that a rule can inject, as JSON.

use super::body::Forgery;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strum::IntoStaticStr;

/// What happens instead of the normal response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Fault {
    /// The request is not carried out; this is the response. A redirect is a 302
    /// with a `location` header.
    Refuse {
        status: u16,
        #[serde(default)]
        body: Forgery,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The request is carried out; this is sent instead of its response.
    Answer {
        /// The status of the real response unless given.
        status: Option<u16>,
        body: Forgery,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Carried out at once; the response comes late.
    SlowHeaders { delay_ms: u64 },
    /// Carried out at once; the body comes in small chunks.
    SlowBody {
        #[serde(default = "one")]
        chunk_bytes: usize,
        every_ms: u64,
    },
    /// Carried out; the body ends after so many bytes, short of its announced
    /// length, and the connection with it.
    Truncated { keep_bytes: usize },
    /// Not carried out; the connection closes without a response.
    LostRequest,
    /// Carried out; the connection closes without a response.
    LostResponse,
    /// Carried out later, or never without `after_ms`; no response.
    Late { after_ms: Option<u64>, then: Then },
}

/// What the client of a late request sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// The connection closes at once.
    HangUp,
    /// Nothing happens until the client gives up.
    Silence,
}

impl Fault {
    /// The name under which rules and the journal know it.
    pub(crate) fn kind(&self) -> &'static str {
        self.into()
    }
}

fn one() -> usize {
    1
}
