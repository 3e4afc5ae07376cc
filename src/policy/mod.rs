//! The domain: how long a session may live and idle, who sets it, and what
//! happens when two sides set it. No clock, no IO, no foreign wire shapes;
//! rules are those of the contract (`scalekit-api.md` §3).

mod chain;
mod diff;
mod direction;
mod effective;
mod minutes;
mod organization;
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
pub use session::{Idle, IdleNotBelowAbsolute, Live, Policy, Session};
pub use spec::{DeletionPolicy, Mode, ValidatedSpec};
pub use tighten::tighten;
pub use violation::{RuleId, Violation};
