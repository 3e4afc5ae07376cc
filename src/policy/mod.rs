//! The domain: session policies, their comparison, and which limit applies when the organization and
//! the application both set one (`scalekit-api.md` §3). No clock, no IO, no JSON of Scalekit.

mod chain;
mod diff;
mod direction;
mod effective;
mod minutes;
mod organization;
mod other_limits;
mod session;
mod spec;
mod tighten;
mod violation;

pub use chain::{ChainViolation, check_chain};
pub use diff::{Difference, Field, diff, or_unset, summary};
pub use direction::{Direction, FieldChange, changes};
pub use effective::{ApplicationPolicy, Bounds, Effective, Limit, Side, effective, looser_than_application, stricter};
pub use minutes::{Minutes, Unit};
pub use organization::{ExternalId, OrganizationId, OrganizationRef};
pub use other_limits::{OtherLimit, other_limits};
pub use session::{Idle, IdleNotBelowAbsolute, Live, Policy, Session};
pub use spec::{DeletionPolicy, Mode, SUSPENDED_UNTIL, ValidatedSpec};
pub use tighten::tighten;
pub use violation::{RuleId, Violation};
