//! Scalekit in memory: organizations, and the habits of a server that the
//! contract leaves open (`scalekit-api.md` §6).

use super::Uid;
use crate::policy::{ApplicationPolicy, Live, OrganizationId, Policy};
use crate::reconcile::{
    ErrorKind, Feature, Organization, RemoteError, RemoteRequest, RemoteResponse, SESSION_POLICY, tests::samples,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One environment.
#[derive(Debug, Clone)]
pub(crate) struct Scalekit {
    /// Its host.
    pub(crate) environment: String,
    /// What it calls itself, where it says so.
    pub(crate) issuer: Option<String>,
    /// What it says that it is, where nobody can verify that.
    pub(crate) alleged: Option<String>,
    pub(crate) organizations: BTreeMap<OrganizationId, Tenant>,
    /// Which organization carries an external id.
    pub(crate) external: BTreeMap<String, OrganizationId>,
    /// The application's policy, or how the server declines to tell.
    pub(crate) application: Result<ApplicationPolicy, ErrorKind>,
    pub(crate) habits: Habits,
    /// Every call fails like this.
    pub(crate) down: Option<ErrorKind>,
    /// The client knows, and does not even send what would fail.
    pub(crate) breaker_open: bool,
    /// Writes that were given up on and are applied at a later time.
    pub(crate) in_flight: Vec<(Timestamp, Uid, RemoteRequest)>,
    /// For whom the request is that is served.
    pub(crate) by: Option<Uid>,
}

/// One organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) features: Vec<Feature>,
    pub(crate) live: Live,
    /// For whom that was written, unless others made it so.
    pub(crate) author: Option<Uid>,
    /// What a read still shows, and how often.
    pub(crate) stale: Option<(Live, u8)>,
}

/// When a server leaves the list of flags out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Omits {
    #[default]
    Never,
    WhenAllAreOff,
    Always,
}

/// How this server behaves where the contract is silent; the default behaves
/// well.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    /// A list of flags replaces all that are not named.
    pub(crate) replaces_features: bool,
    /// It answers 400 to a list with this name in it.
    pub(crate) unknown_flag: Option<&'static str>,
    /// It answers like this to every list of flags.
    pub(crate) refuses_features: Option<ErrorKind>,
    /// It takes the flag and leaves it off; the echo shows it off.
    pub(crate) keeps_flag_off: bool,
    /// It takes the flag and leaves it off; the echo shows it on.
    pub(crate) flag_echo_lies: bool,
    /// When it leaves the list of flags out.
    pub(crate) omits_features: Omits,
    /// It answers 403 to policy reads while the flag is off.
    pub(crate) gates_reads: bool,
    /// It answers 403 to policy writes while the flag is off.
    pub(crate) gates_writes: bool,
    /// It stores something else than it was sent.
    pub(crate) normalises: Option<fn(Policy) -> Live>,
    /// The echo of a policy write shows this, whatever is stored.
    pub(crate) policy_echo: Option<Live>,
    /// It answers like this to every policy write.
    pub(crate) refuses_policy: Option<ErrorKind>,
    /// So many reads after a policy write still show what was before.
    pub(crate) lag: u8,
    /// It has no session-policy API.
    pub(crate) lacks_policy_route: bool,
}

impl Scalekit {
    pub(crate) fn new() -> Self {
        let tenant = |on| Tenant { features: samples::flags(on), live: Live::Application, author: None, stale: None };
        Self {
            environment: samples::HOST.into(),
            issuer: None,
            alleged: None,
            organizations: [("org_1", false), ("org_2", true)].map(|(id, on)| (samples::org(id), tenant(on))).into(),
            external: [("tenant-1".to_owned(), samples::org("org_1"))].into(),
            application: Ok(samples::application(10_080, 5)),
            habits: Habits::default(),
            down: None,
            breaker_open: false,
            in_flight: Vec::new(),
            by: None,
        }
    }

    /// Applies the late writes that are due.
    pub(crate) fn land(&mut self, now: Timestamp) {
        for (at, uid, request) in std::mem::take(&mut self.in_flight) {
            if at <= now {
                self.by = Some(uid);
                let _ = self.serve(&request);
            } else {
                self.in_flight.push((at, uid, request));
            }
        }
    }

    pub(crate) fn has_policy_in_flight(&self, of: Uid) -> bool {
        self.in_flight
            .iter()
            .any(|(_, uid, request)| *uid == of && matches!(request, RemoteRequest::WritePolicy { .. }))
    }

    /// Carries `request` out.
    pub(crate) fn serve(&mut self, request: &RemoteRequest) -> Result<RemoteResponse, RemoteError> {
        let missing = || RemoteError::new(ErrorKind::NotFound);
        match request {
            RemoteRequest::ReadOrganization(id) => self.organization(id),
            RemoteRequest::LookUp(external) => {
                let id = self.external.get(external.as_str()).cloned().ok_or_else(missing)?;
                self.organization(&id)
            }
            RemoteRequest::WriteFeatures { organization, features } => self.write_features(organization, features),
            RemoteRequest::ReadApplicationPolicy(id) => {
                self.organizations.get(id).ok_or_else(missing)?;
                self.application.map(RemoteResponse::ApplicationPolicy).map_err(RemoteError::new)
            }
            RemoteRequest::ReadPolicy(id) => self.read_policy(id),
            RemoteRequest::WritePolicy { organization, policy } => self.write_policy(organization, *policy),
        }
    }

    fn organization(&self, id: &OrganizationId) -> Result<RemoteResponse, RemoteError> {
        let tenant = self.organizations.get(id).ok_or_else(|| RemoteError::new(ErrorKind::NotFound))?;
        let external_id = self.external.iter().find(|(_, of)| *of == id).map(|(external, _)| external.clone());
        let features_reported = match self.habits.omits_features {
            Omits::Never => true,
            Omits::WhenAllAreOff => tenant.features.iter().any(|feature| feature.enabled),
            Omits::Always => false,
        };
        let features = if features_reported { tenant.features.clone() } else { Vec::new() };
        Ok(RemoteResponse::Organization(Organization { id: id.clone(), external_id, features, features_reported }))
    }

    /// What the list of organizations shows of those whose features it shows.
    pub(crate) fn list(&self) -> BTreeMap<OrganizationId, Organization> {
        let read = self.organizations.keys().filter_map(|id| match self.organization(id) {
            Ok(RemoteResponse::Organization(organization)) if !organization.features.is_empty() => Some(organization),
            _ => None,
        });
        let listed = read.map(|read| {
            let on = read.session_policy_enabled();
            (read.id.clone(), Organization::listed(read.id, read.external_id, on))
        });
        listed.collect()
    }

    fn write_features(&mut self, id: &OrganizationId, sent: &[Feature]) -> Result<RemoteResponse, RemoteError> {
        let habits = self.habits.clone();
        let tenant = self.organizations.get_mut(id).ok_or_else(|| RemoteError::new(ErrorKind::NotFound))?;
        if let Some(kind) = habits.refuses_features {
            return Err(RemoteError::new(kind));
        }
        if sent.iter().any(|f| Some(f.name.as_str()) == habits.unknown_flag) {
            return Err(RemoteError::new(ErrorKind::Rejected));
        }
        if habits.replaces_features {
            tenant.features.retain(|f| sent.iter().any(|s| s.name == f.name));
        }
        for feature in sent {
            let enabled = feature.enabled && !(feature.name == SESSION_POLICY && habits.keeps_flag_off);
            set_flag(&mut tenant.features, &feature.name, enabled);
        }
        let mut echo = self.organization(id)?;
        if let (RemoteResponse::Organization(organization), true) = (&mut echo, habits.flag_echo_lies) {
            set_flag(&mut organization.features, SESSION_POLICY, true);
        }
        Ok(echo)
    }

    fn read_policy(&mut self, id: &OrganizationId) -> Result<RemoteResponse, RemoteError> {
        let habits = self.habits.clone();
        let tenant = self.organizations.get_mut(id).ok_or_else(|| RemoteError::new(ErrorKind::NotFound))?;
        tenant.admit(habits.lacks_policy_route, habits.gates_reads)?;
        match &mut tenant.stale {
            Some((old, left)) if *left > 0 => {
                *left -= 1;
                Ok(RemoteResponse::Policy(*old))
            }
            _ => Ok(RemoteResponse::Policy(tenant.live)),
        }
    }

    fn write_policy(&mut self, id: &OrganizationId, policy: Policy) -> Result<RemoteResponse, RemoteError> {
        let habits = self.habits.clone();
        let by = self.by;
        let tenant = self.organizations.get_mut(id).ok_or_else(|| RemoteError::new(ErrorKind::NotFound))?;
        tenant.admit(habits.lacks_policy_route, habits.gates_writes)?;
        if let Some(kind) = habits.refuses_policy {
            return Err(RemoteError::new(kind));
        }
        tenant.stale = (habits.lag > 0).then_some((tenant.live, habits.lag));
        tenant.author = by;
        tenant.live = habits.normalises.map_or_else(|| policy.into(), |normalise| normalise(policy));
        Ok(RemoteResponse::Policy(habits.policy_echo.unwrap_or(tenant.live)))
    }
}

impl Tenant {
    pub(crate) fn session_policy_on(&self) -> bool {
        self.features.iter().any(|f| f.name == SESSION_POLICY && f.enabled)
    }

    fn admit(&self, no_route: bool, gated: bool) -> Result<(), RemoteError> {
        match () {
            () if no_route => Err(RemoteError::new(ErrorKind::NotFound)),
            () if gated && !self.session_policy_on() => Err(RemoteError::new(ErrorKind::Forbidden)),
            () => Ok(()),
        }
    }
}

pub(crate) fn set_flag(features: &mut Vec<Feature>, name: &str, enabled: bool) {
    match features.iter_mut().find(|f| f.name == name) {
        Some(flag) => flag.enabled = enabled,
        None => features.push(samples::flag(name, enabled)),
    }
}
