//! Mutated texts for everything that is read from Scalekit, and from those who name it: each reader answers
//! every text, the same twice, and what it accepts has the form that the rest relies on. `cargo test` replays the
//! corpus, with some thousand mutations of it; `make fuzz-decoders` does so as often as wanted. A text that
//! fails becomes a line of the corpus.

use crate::{
    figures::{publish, today},
    policy::{ExternalId, Live, OrganizationId},
    scalekit::{
        address::{Address, Rules, SCALEKIT_HOSTS},
        credentials::Credentials,
        retry_after::{Allowance, RetryHint},
        wire,
    },
};
use fastrand::Rng;
use secrecy::ExposeSecret;
use std::{
    fs,
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One reader: the name of its corpus, and whether what it makes of a text is sound.
struct Target {
    name: &'static str,
    sound: fn(&[u8]) -> bool,
}

const TARGETS: [Target; 10] = [
    Target { name: "token", sound: token },
    Target { name: "organization", sound: organization },
    Target { name: "list", sound: list },
    Target { name: "policy", sound: policy },
    Target { name: "application-policy", sound: application_policy },
    Target { name: "error", sound: error },
    Target { name: "headers", sound: headers },
    Target { name: "credentials", sound: credentials },
    Target { name: "url", sound: url },
    Target { name: "ids", sound: ids },
];

fn token(body: &[u8]) -> bool {
    wire::grant(body).is_ok_and(|grant| {
        let sendable = grant.value.expose_secret().bytes().all(|b| b.is_ascii_graphic());
        sendable && (30..=86_400).contains(&grant.lifetime.as_secs())
    }) || wire::grant(body).is_err()
}

fn organization(body: &[u8]) -> bool {
    let read = wire::organization(body);
    let id = read.as_ref().is_ok_and(|found| OrganizationId::parse(found.id.as_str()).is_some());
    (id || read.is_err())
        && read.ok() == wire::organization(body).ok()
        && wire::features(body).ok() == wire::features(body).ok()
}

fn list(body: &[u8]) -> bool {
    let count = || wire::organizations(body).map(|(listed, ..)| listed.len()).ok();
    count() == count()
}

fn policy(body: &[u8]) -> bool {
    let read = wire::live_policy(body);
    // what is complete can be declared, and is the same then
    let declared = read.as_ref().ok().and_then(Live::declarable).is_none_or(|policy| read == Ok(Live::from(policy)));
    declared && read == wire::live_policy(body)
}

fn application_policy(body: &[u8]) -> bool {
    wire::application_policy(body) == wire::application_policy(body)
}

fn error(body: &[u8]) -> bool {
    let info = wire::error_info(body);
    let word = |text: &Option<String>, longest, fits: fn(u8) -> bool| {
        text.as_ref().is_none_or(|text| (1..=longest).contains(&text.len()) && text.bytes().all(fits))
    };
    let hint = RetryHint { detail: info.retry_after, ..RetryHint::default() };
    word(&info.error_code, 40, |b| b.is_ascii_alphanumeric() || b == b'_')
        && word(&info.request_id, 64, |b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && hint.delay(SystemTime::now()).is_none_or(|delay| delay <= DAY)
        && (info.is_scalekits || !info.not_found)
}

fn headers(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let (retry_after, left, limit, reset) = (line(), line(), line(), line());
    let now = SystemTime::now();
    let hint = RetryHint { retry_after: retry_after.map(Into::into), detail: None, reset: reset.map(Into::into) };
    let usable = |delay: Duration| !delay.is_zero() && delay <= DAY;
    let allowance = Allowance::parse(left, limit, reset, now);
    let number = |n: f64| n >= 0.0;
    let sound = |a: Allowance| number(a.left) && a.limit.is_none_or(number) && a.reset.is_none_or(usable);
    hint.delay(now).is_none_or(usable) && allowance.is_none_or(sound)
}

fn credentials(bytes: &[u8]) -> bool {
    let mut values = bytes.split(|b| *b == 0);
    let mut value = || values.next().unwrap_or_default();
    let (url, id, secret) = (value(), value(), value());
    let Ok(found) = Credentials::parse(url, id, secret, &Rules::default()) else { return true };
    let plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain(found.id()) && plain(found.secret()) && plain(found.host()) && format!("{found:?}") == "Credentials(redacted)"
}

/// Whatever is accepted for Scalekit's hosts leads to one of them, by https, and to the same when it is read again.
fn url(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let rules = Rules { allowed_hosts: SCALEKIT_HOSTS.map(str::to_owned).to_vec(), ..Rules::default() };
    let Ok(address) = Address::parse(&text, &rules) else { return true };
    let base = address.join("");
    let below = |suffix: &&str| address.host == **suffix || address.host.ends_with(&format!(".{suffix}"));
    let again = Address::parse(&base, &rules).is_ok_and(|again| again == address);
    SCALEKIT_HOSTS.iter().any(below) && base.starts_with(&format!("https://{}", address.host)) && again
}

fn ids(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let segment = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let id = OrganizationId::parse(&text).is_none_or(|id| id.as_str() == text && text.chars().all(segment));
    let external = ExternalId::parse(&text);
    id && external.is_none_or(|id| id.as_str() == text && text != ".." && !text.chars().any(char::is_control))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/scalekit/tests/corpus/{name}.txt"));
    fs::read_to_string(path).unwrap().lines().map(unescaped).collect()
}

/// The bytes that `escape_ascii` shows so; other characters are themselves.
fn unescaped(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    while let [first, after @ ..] = rest {
        let escape = (*first == b'\\').then_some(after);
        (rest, _) = match escape {
            Some([b'n', after @ ..]) => (after, bytes.push(b'\n')),
            Some([b'r', after @ ..]) => (after, bytes.push(b'\r')),
            Some([b't', after @ ..]) => (after, bytes.push(b'\t')),
            Some([b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let byte = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (after, bytes.push(byte.unwrap()))
            }
            Some([other, after @ ..]) => (after, bytes.push(*other)),
            _ => (after, bytes.push(*first)),
        };
    }
    bytes
}

/// What numbers, words and signs readers go wrong with.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "0",
    "-1",
    "1e308",
    "1e-308",
    "9223372036854775808",
    "2147483648",
    "0.5",
    "\"CUSTOM\"",
    "\"HOURS\"",
    "\\u0000",
    "\u{202e}",
    "%2e%2e",
    "@",
    "../",
    ".scalekit.com",
    "://",
    "\n",
    "\r\n",
    "\0",
];

/// One of `seeds`, changed in one to four places.
fn mutated(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut text = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.u32(1..=4) {
        let at = random.usize(..=text.len());
        let end = (at + random.usize(..16)).min(text.len());
        match random.u32(..8) {
            0 => drop(text.splice(at..end, [])),
            1 => drop(text.splice(at..at, [random.u8(..)])),
            2 if at < text.len() => text[at] ^= 1 << random.u32(..8),
            3 => {
                let part = text[at..end].repeat(random.usize(1..8));
                text.splice(at..at, part);
            }
            4 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                text.splice(at.., other[from..].iter().copied());
            }
            5 => text.truncate(at),
            // a whole value of JSON, or a word of a text
            6 => {
                let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"\"_-.".contains(b);
                let end = text[at..].iter().position(|b| !is_part(b)).map_or(text.len(), |n| at + n);
                let start = text[..at].iter().rposition(|b| !is_part(b)).map_or(0, |n| n + 1);
                text.splice(start..end, WORDS[random.usize(..WORDS.len())].bytes());
            }
            _ => drop(text.splice(at..end, WORDS[random.usize(..WORDS.len())].bytes())),
        }
    }
    text
}

/// The corpus itself, then so many mutations of it; the first text that is not answered soundly.
fn search(target: &Target, runs: u64, seed: u64) -> Result<(), String> {
    let (seeds, mut random) = (corpus(target.name), Rng::with_seed(seed));
    let texts = seeds.iter().cloned().chain((0..runs).map(|_| mutated(&seeds, &mut random)));
    for text in texts {
        let sound = std::panic::catch_unwind(|| (target.sound)(&text));
        if !sound.unwrap_or(false) {
            return Err(format!("{}: {}", target.name, text.escape_ascii()));
        }
    }
    Ok(())
}

#[test]
fn every_reader_answers_the_corpus_and_mutations_of_it_soundly() {
    for target in &TARGETS {
        search(target, 2000, 1).unwrap();
    }
}

#[test]
fn a_text_that_is_shown_can_be_put_into_the_corpus() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(unescaped(&all.escape_ascii().to_string()), all);
}

#[test]
#[ignore = "`make fuzz-decoders`: takes long, and writes docs/development/fuzz.md"]
fn long() {
    let runs: u64 = std::env::var("FUZZ_RUNS").map_or(10_000_000, |runs| runs.parse().unwrap());
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (next, rows) = (Mutex::new(TARGETS.iter().enumerate()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((at, target)) = next.lock().unwrap().next() else { break };
            let begun = Instant::now();
            let found = search(target, runs, seed);
            let seconds = begun.elapsed().as_secs();
            let (seeds, says) = (corpus(target.name).len(), found.err().unwrap_or_else(|| "nothing".into()));
            println!("{}: {says} in {seconds} s", target.name);
            rows.lock().unwrap().push((
                at,
                says == "nothing",
                format!("| {} | {seeds} | {runs} | {seconds} | {says} |\n", target.name),
            ));
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap();
    rows.sort();
    assert!(rows.iter().all(|(_, sound, _)| *sound), "{rows:?}");
    tell(runs, seed, &rows.into_iter().map(|(.., row)| row).collect::<String>());
}

fn tell(runs: u64, seed: u64, rows: &str) {
    let figures = format!(
        "{runs} mutations of each, {}, seed {seed}.\n\n| reader | texts of the corpus | mutations | seconds | found |\n\
         |---|---|---|---|---|\n{rows}",
        today()
    );
    publish("docs/development/fuzz.md", "figures", "fuzz-decoders", &figures);
}
