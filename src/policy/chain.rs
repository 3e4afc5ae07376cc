//! The order of timeouts that Scalekit requires: absolute > idle > the application's access token
//! lifetime, all strict (`scalekit-api.md` §3.3).

use super::{Minutes, Policy};
use thiserror::Error;

/// A declared timeout that is not longer than the application's access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error(
    "{field} ({timeout}) must be longer than the application's access token lifetime ({access_token}): \
     lengthen it, or shorten the access token in Scalekit's dashboard"
)]
pub struct ChainViolation {
    /// `idleSessionTimeout`, or `absoluteSessionTimeout` if idle is off.
    pub field: &'static str,
    /// The declared timeout.
    pub timeout: Minutes,
    /// The application's access-token lifetime.
    pub access_token: Minutes,
}

/// Checks that the shortest timeout is longer than the access token lifetime, if that is known. The
/// other part, idle < absolute, holds for every [`super::Session`].
pub fn check_chain(policy: &Policy, access_token: Option<Minutes>) -> Result<(), ChainViolation> {
    let (Policy::Custom(session), Some(access_token)) = (policy, access_token) else { return Ok(()) };
    let (field, timeout) = match session.idle() {
        Some(idle) => ("idleSessionTimeout", idle),
        None => ("absoluteSessionTimeout", session.absolute()),
    };
    if timeout > access_token { Ok(()) } else { Err(ChainViolation { field, timeout, access_token }) }
}

#[cfg(test)]
mod tests {
    use super::super::Session;
    use super::*;

    #[test]
    fn the_shortest_timeout_must_outlive_the_access_token() {
        let m = |n| Minutes::new(n).unwrap();
        let custom = |a, i: Option<i64>| Policy::Custom(Session::new(m(a), i.map(m)).unwrap());
        for (policy, token, holds) in [
            (custom(60, Some(6)), Some(5), true),
            (custom(60, Some(5)), Some(5), false),
            (custom(60, Some(4)), Some(5), false),
            (custom(6, None), Some(5), true),
            (custom(5, None), Some(5), false),
            (custom(2, Some(1)), None, true),
            (Policy::Application, Some(5), true),
        ] {
            assert_eq!(check_chain(&policy, token.map(m)).is_ok(), holds, "{policy:?} {token:?}");
        }
    }
}
