//! Takes secrets out of what is printed or written, however they got there: as they are, as base64 and
//! escaped for a URL.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const REDACTED: &str = "[redacted]";
/// A shorter text is no secret, and would be found everywhere.
const SHORTEST: usize = 6;

/// The secrets that a run has seen.
#[derive(Debug, Default)]
pub(super) struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Adds a secret in all its forms.
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            let escaped = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            let forms = [vec![secret.to_owned(), escaped], base64(secret.as_bytes())].concat();
            self.0.extend(forms.into_iter().map(SecretString::from));
            // the longest first: one that begins with another is replaced whole
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        let without = |text: String, secret: &SecretString| text.replace(secret.expose_secret(), REDACTED);
        self.0.iter().fold(text.to_owned(), without)
    }

    /// All texts in `value`; also keys, which people choose too.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (self.text(&key), self.value(value))).collect()
            }
            other => other,
        }
    }
}

/// What a base64 text has of `secret` wherever in it that is: three forms, without the characters that depend on
/// what is beside it; and those with - and _.
fn base64(secret: &[u8]) -> Vec<String> {
    let form = |before: usize| {
        let whole = STANDARD_NO_PAD.encode([&[0].repeat(before), secret].concat());
        let after = usize::from(!(before + secret.len()).is_multiple_of(3));
        let first = [0, 2, 3].get(before).copied().unwrap_or_default();
        whole.get(first..whole.len() - after).unwrap_or_default().to_owned()
    };
    let plain: Vec<String> = (0..3).map(form).collect();
    let url = plain.iter().map(|text| text.replace('+', "-").replace('/', "_"));
    [plain.clone(), url.collect()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    const SECRET: &str = "te?t>/s1mulator+canary";

    #[test]
    fn of_a_secret_that_begins_with_another_nothing_is_left() {
        let mut redactor = Redactor::default();
        ["canary", "canary-and-more"].iter().for_each(|secret| redactor.add(secret));
        assert_eq!(redactor.text("a canary-and-more, a canary"), format!("a {REDACTED}, a {REDACTED}"));
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let mut redactor = Redactor::default();
        redactor.add(SECRET);
        let around = |before: &str, after: &str| format!("{before}{SECRET}{after}");
        for text in [SECRET.to_owned(), around("id:", "\n"), "te%3Ft%3E%2Fs1mulator%2Bcanary".to_owned()] {
            let shown = redactor.text(&format!("a {text} b"));
            assert!(shown.contains(REDACTED) && !shown.contains("s1mulator"), "{shown}");
        }
        for before in ["", "a", "id", "id:"] {
            for after in ["", "x", "\n\n"] {
                for encoded in [STANDARD.encode(around(before, after)), URL_SAFE.encode(around(before, after))] {
                    assert!(redactor.text(&encoded).contains(REDACTED), "{before:?} {after:?}: {encoded}");
                }
            }
        }
    }

    #[test]
    fn texts_of_any_depth_are_redacted_and_nothing_else_is() {
        let mut redactor = Redactor::default();
        redactor.add(SECRET);
        redactor.add("a");
        let redacted = redactor.value(json!({"a": [1, {"b": SECRET}], SECRET: "banana"}));
        assert_eq!(redacted, json!({"a": [1, {"b": REDACTED}], REDACTED: "banana"}));
    }
}
