//! What a look at an environment means: address, TLS, token, clock, permissions, the gate of the
//! environment, the rate limit.

use super::report::{Check, Group};
use crate::{
    reconcile::{CredentialsError, CredentialsSource, ErrorKind, Feature, RemoteError},
    scalekit::{Credentials, Probe},
};
use std::time::Duration;

/// A clock that is off by more makes tokens and certificates look over, or not yet good.
const SKEW: Duration = Duration::from_secs(60);
const FEATURE: &str = "session_policy";

/// Credentials that can't be used.
pub(super) fn unusable(source: &str, error: &CredentialsError) -> Group {
    let names = "SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET";
    let (message, hint) = match error {
        CredentialsError::Missing(CredentialsSource::Folder(path)) if !path.is_dir() => {
            (format!("there is no folder {}", path.display()), "name an existing one with --credentials-dir".to_owned())
        }
        CredentialsError::Missing(CredentialsSource::Folder(path)) => {
            (format!("the folder {} has no credentials", path.display()), format!("its files are named {names}"))
        }
        CredentialsError::KeyMissing { from: CredentialsSource::Folder(path), key } => {
            (format!("the folder {} has no file {key}", path.display()), format!("its files are named {names}"))
        }
        CredentialsError::KeyMissing { from: CredentialsSource::Environment, key } => {
            (format!("{key} is not set, and others are"), format!("set {names}"))
        }
        other => (other.to_string(), format!("the keys are {names}")),
    };
    Group { title: format!("Scalekit, {source}"), checks: vec![Check::failed("credentials", message, hint)] }
}

/// What the probe with these credentials showed.
pub(super) fn seen(source: &str, credentials: &Credentials, probe: &Probe) -> Group {
    let environment = credentials.environment();
    let mut checks = vec![Check::good("credentials", format!("all three keys are in {source}"))];
    checks.extend(connection(probe));
    if matches!(probe.token, Some(Ok(()))) {
        checks.extend([
            clock(probe),
            organizations(probe),
            policies(probe),
            application(probe),
            gate(probe),
            rate(probe),
        ]);
    }
    Group { title: format!("Scalekit {environment}, {source}"), checks }
}

/// Address, TLS and token, of which each needs the ones before.
fn connection(probe: &Probe) -> Vec<Check> {
    let address = || Check::good("address", "the host answers");
    let tls = || Check::good("tls", "the connection is trusted");
    let Some(Err(error)) = &probe.token else {
        return vec![address(), tls(), Check::good("token", "Scalekit issued an access token")];
    };
    let said = error.to_string();
    match error.kind {
        ErrorKind::Unreachable | ErrorKind::TimedOut => vec![Check::failed(
            "address",
            format!("the host can't be reached ({said})"),
            "compare SCALEKIT_ENVIRONMENT_URL with Scalekit's dashboard; behind a proxy use --proxy, in a cluster look \
             at NetworkPolicies",
        )],
        ErrorKind::Tls => vec![
            address(),
            Check::failed(
                "tls",
                format!("the connection is not trusted ({said})"),
                "for a private authority set SSL_CERT_FILE, or trustedCA.configMap in the chart; look at the clock too",
            ),
        ],
        ErrorKind::CredentialsRejected => vec![
            address(),
            tls(),
            Check::failed(
                "token",
                format!("Scalekit refuses the client id or secret ({said})"),
                "create API credentials in Scalekit's dashboard, of this very environment",
            ),
        ],
        _ => vec![
            address(),
            tls(),
            Check::failed(
                "token",
                format!("no token was issued ({said})"),
                "is the URL that of a Scalekit environment?",
            ),
        ],
    }
}

fn clock(probe: &Probe) -> Check {
    match probe.skew() {
        None => Check::warning("clock", "Scalekit's responses have no Date, so clocks can't be compared", ""),
        Some(skew) if skew > SKEW => Check::warning(
            "clock",
            format!("this machine's clock is {} s off Scalekit's", skew.as_secs()),
            "set it by NTP: waits and tokens are counted in real time",
        ),
        Some(_) => Check::good("clock", "this machine's clock is that of Scalekit within a minute"),
    }
}

/// The result of a read that needs a permission; `None`: it was not sent.
fn read<T>(
    name: &'static str,
    result: Option<&Result<T, RemoteError>>,
    permission: &str,
    good: impl FnOnce(&T) -> String,
) -> Check {
    match result {
        Some(Ok(found)) => Check::good(name, good(found)),
        Some(Err(error)) if error.kind == ErrorKind::Forbidden => {
            let hint = format!("give the client the permission {permission}");
            Check::failed(name, format!("Scalekit forbids it ({error})"), hint)
        }
        Some(Err(error)) => Check::failed(name, format!("it can't be read ({error})"), "try again; does it last?"),
        None => Check::warning(name, "not checked: no organization was read", ""),
    }
}

fn organizations(probe: &Probe) -> Check {
    read("organizations", probe.organizations.as_ref(), "organizations:read", |total| match total {
        Some(total) => format!("organizations can be read, there are {total}"),
        None => "organizations can be read".to_owned(),
    })
}

fn policies(probe: &Probe) -> Check {
    read("session-policies", probe.policy.as_ref(), "organizations:read", |()| {
        "session policies can be read; whether they can be written is not tried".to_owned()
    })
}

fn application(probe: &Probe) -> Check {
    match &probe.application_policy {
        Some(Err(error)) if error.kind == ErrorKind::Forbidden => Check::failed(
            "application-policy",
            format!("it can't be read ({error})"),
            "session policies are probably not enabled for this environment: ask Scalekit",
        ),
        Some(Err(error))
            if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::BadResponse) =>
        {
            let why = format!("this server does not tell it ({error}), so what applies is not known");
            Check::warning("application-policy", why, "an older Scalekit; all else works")
        }
        other => read("application-policy", other.as_ref(), "organizations:read", |()| {
            "the application's policy can be read".to_owned()
        }),
    }
}

fn gate(probe: &Probe) -> Check {
    let name = "environment-feature";
    let enabled = |features: &[Feature]| features.iter().any(|feature| feature.name == FEATURE && feature.enabled);
    match &probe.features {
        Some(Ok(features)) if enabled(features) => Check::good(name, "the environment has the feature session_policy"),
        Some(Ok(_)) => Check::failed(
            name,
            "the environment does not have the feature session_policy",
            "ask Scalekit to enable session policies for the environment",
        ),
        Some(Err(error)) if error.kind == ErrorKind::Forbidden => {
            Check::good(name, "not known: the client lacks environment_settings:read, which nothing else needs")
        }
        _ => Check::good(name, "not known: this server does not list its features"),
    }
}

fn rate(probe: &Probe) -> Check {
    match probe.allowance {
        Some((left, Some(limit))) => Check::good("rate-limit", format!("{left} of {limit} requests are left")),
        Some((left, None)) => Check::good("rate-limit", format!("{left} requests are left")),
        None => Check::good("rate-limit", "Scalekit does not report one; 429 responses are waited for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::Status;
    use std::time::SystemTime;

    fn lines(checks: &[Check]) -> Vec<(&'static str, Status)> {
        checks.iter().map(|check| (check.name, check.status)).collect()
    }

    fn failed(kind: ErrorKind) -> Probe {
        Probe { token: Some(Err(RemoteError::new(kind))), ..Probe::default() }
    }

    #[test]
    fn what_failed_is_told_from_what_works_before_it() {
        use Status::{Failed, Good};
        for (kind, expected) in [
            (ErrorKind::Unreachable, &[("address", Failed)][..]),
            (ErrorKind::Tls, &[("address", Good), ("tls", Failed)]),
            (ErrorKind::CredentialsRejected, &[("address", Good), ("tls", Good), ("token", Failed)]),
            (ErrorKind::BadAuthResponse, &[("address", Good), ("tls", Good), ("token", Failed)]),
        ] {
            assert_eq!(lines(&connection(&failed(kind))), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_clock_that_is_off_in_either_direction_is_seen() {
        let now = SystemTime::now();
        let clock = |server: SystemTime| clock(&Probe { clocks: Some((server, now)), ..Probe::default() }).status;
        assert_eq!(clock(now - Duration::from_secs(59)), Status::Good);
        assert_eq!(clock(now - Duration::from_secs(90)), Status::Warning);
        assert_eq!(clock(now + Duration::from_secs(90)), Status::Warning);
    }

    #[test]
    fn what_the_client_need_not_know_is_no_failure() {
        let error = |kind| Some(Err(RemoteError::new(kind)));
        let forbidden = Probe { features: error(ErrorKind::Forbidden), ..Probe::default() };
        assert_eq!(gate(&forbidden).status, Status::Good);
        let off = Probe { features: Some(Ok(Vec::new())), ..Probe::default() };
        assert_eq!(gate(&off).status, Status::Failed);
        let application = |kind| {
            let application_policy = Some(Err(RemoteError::new(kind)));
            super::application(&Probe { application_policy, ..Probe::default() }).status
        };
        assert_eq!(application(ErrorKind::Unsupported), Status::Warning);
        assert_eq!(application(ErrorKind::Forbidden), Status::Failed);
        assert_eq!(policies(&Probe::default()).status, Status::Warning, "there is no organization to read");
    }
}
