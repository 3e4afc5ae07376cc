//! Reads the live policy of one organization, for `osp diff`. Sends no write.

use super::{connection::Access, plan::Problem, reconcile::reconcile, scalekit::Scalekit};
use crate::{
    policy::{ApplicationPolicy, Live, Mode, OrganizationId, OrganizationRef, Policy},
    reconcile::{Application, Goal},
};
use std::time::Duration;

/// The deadline of one request, and the rate: a person waits for the output.
const DEADLINE: Duration = Duration::from_secs(10);
const RATE: f64 = 10.0;

/// An organization as it is in Scalekit now.
#[derive(Debug, Clone)]
pub struct Now {
    /// The host of the environment.
    pub environment: String,
    /// Its live policy.
    pub live: Live,
    /// The application's policy; `None` if it can't be read.
    pub application: Option<ApplicationPolicy>,
}

/// A connection that only reads.
pub struct Reader(Scalekit);

impl Reader {
    /// Reads the credentials; sends no request.
    pub async fn new(access: &Access) -> Result<Self, String> {
        Ok(Self(Scalekit::new(access.client(DEADLINE, RATE).await?)))
    }

    /// The host of the environment.
    pub fn environment(&self) -> String {
        self.0.environment()
    }

    /// Reads the organization; the error says why that failed. `pinned`: the id that its external id
    /// has to lead to.
    pub async fn read(&self, organization: &OrganizationRef, pinned: Option<OrganizationId>) -> Result<Now, String> {
        let goal = Goal {
            organization: organization.clone(),
            pinned,
            features_unreported: false,
            merges_features: false,
            may_be_custom: false,
            policy: Policy::Application,
            mode: Mode::Observe,
        };
        let (observation, outcome) =
            reconcile(&goal, false, async |request, _| Some(self.0.request(request).await)).await;
        let problem = || outcome.as_ref().and_then(|outcome| Problem::of(outcome, &organization.described(), ""));
        let application = match observation.application {
            Application::Known(application) => Some(application),
            _ => None,
        };
        match observation.live {
            Some(live) => Ok(Now { environment: self.environment(), live, application }),
            None => Err(problem().map_or_else(|| "it was not read".to_owned(), |problem| problem.message)),
        }
    }
}
