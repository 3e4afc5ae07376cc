//! What must be nowhere that people or machines read: the client secret, tokens, and what a credential plugin is given,
//! in any form in which they could get there. The parts that tests share look for it in all that the operators log, in
//! the objects that tests read, and in the output of `osp`, so that each run of theirs is a search too.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::sync::OnceLock;

/// The client secrets of the simulator, the part that all its tokens have in common, the password that credential
/// plugins get, and a client secret that looks different in each form.
pub const SECRETS: [&str; 5] = ["test_simulator", "simulated-", "hunter2", OF_OSP, PECULIAR];

/// The client secret in tests of `osp`.
pub const OF_OSP: &str = "canary-5f1c0e-secret";

/// It has what JSON and URLs escape.
pub const PECULIAR: &str = r#"pec"uliar\cli+ent/sec&ret%"#;

/// What URLs escape; some writers escape more.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// In Base64 a text looks different after 0, 1 and 2 other bytes; the digits that depend on what is around it are left
/// out.
fn in_base64(secret: &str) -> impl Iterator<Item = String> {
    (0..3).map(move |before| {
        let bytes = [&[0; 3][..before], secret.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        BASE64_STANDARD_NO_PAD.encode(bytes)[from..to].to_owned()
    })
}

/// The forms in which a secret can be written.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let [url, every] = [UNRESERVED, NON_ALPHANUMERIC].map(|set| utf8_percent_encode(secret, set).to_string());
    let mut forms = vec![secret.to_owned(), json, url, every];
    for digits in in_base64(secret) {
        forms.push(digits.replace('+', "-").replace('/', "_"));
        forms.push(digits);
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The first secret that is in `text`, and the form in which it is there.
pub fn find(text: &str) -> Option<(&'static str, String)> {
    static FORMS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let all =
        FORMS.get_or_init(|| SECRETS.iter().flat_map(|one| forms(one).into_iter().map(|form| (*one, form))).collect());
    all.iter().find(|(_, form)| text.contains(form.as_str())).cloned()
}

/// Fails if there is one in `text`, which is `what`.
#[track_caller]
pub fn assert_none(what: &str, text: &str) {
    if let Some((secret, form)) = find(text) {
        let at = text.find(&form).unwrap_or_default();
        let from = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line: String = text[from..].lines().next().unwrap_or_default().chars().take(2000).collect();
        panic!("{secret} is in {what}, as {form}: {line}");
    }
}

/// The texts in `value`, and the names of its fields.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => *into += &format!("{text}\n"),
        Value::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            *into += &format!("{name}\n");
            texts(field, into);
        }),
        _ => {}
    }
}

/// Fails if there is one in an object of the API server, if that is no Secret.
#[track_caller]
pub fn assert_none_in(object: &Value) {
    if object["kind"] != "Secret" {
        let mut text = String::new();
        texts(object, &mut text);
        assert_none(&format!("{} {}", object["kind"], object["metadata"]["name"]), &text);
    }
}
