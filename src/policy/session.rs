//! Session policies: declared ones and live ones.

use super::Minutes;
use std::fmt;
use thiserror::Error;

/// The limits of a custom policy; the idle one, if set, is shorter than the absolute one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session {
    absolute: Minutes,
    idle: Option<Minutes>,
}

/// The idle limit is not shorter than the absolute one (`scalekit-api.md` §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[error("the idle timeout ({idle}) must be shorter than the absolute timeout ({absolute})")]
pub struct IdleNotBelowAbsolute {
    idle: Minutes,
    absolute: Minutes,
}

impl Session {
    /// The limits of a session that ends after `absolute`, or after `idle` without use.
    pub fn new(absolute: Minutes, idle: Option<Minutes>) -> Result<Self, IdleNotBelowAbsolute> {
        match idle {
            Some(idle) if idle >= absolute => Err(IdleNotBelowAbsolute { idle, absolute }),
            _ => Ok(Self { absolute, idle }),
        }
    }

    /// How long a session may live.
    pub const fn absolute(&self) -> Minutes {
        self.absolute
    }

    /// How long it may idle; `None` without a limit.
    pub const fn idle(&self) -> Option<Minutes> {
        self.idle
    }
}

/// A policy that is declared or is to be written: complete and valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The organization inherits the application's policy.
    Application,
    /// The organization has its own policy.
    Custom(Session),
}

/// A policy as Scalekit reports it. Unlike [`Policy`] it may be incomplete or have an unknown source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Live {
    /// The organization inherits the application's policy; numbers in the response are ignored
    /// (`scalekit-api.md` §3.7).
    Application,
    /// The organization has its own policy.
    Custom {
        /// `None` if it is absent, null or zero.
        absolute: Option<Minutes>,
        /// The idle limit.
        idle: Idle,
    },
    /// The source is one that this version does not know.
    Unrecognized,
}

/// The idle limit of a live custom policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idle {
    /// Off, or not reported; a number in the response is stale and ignored.
    Off,
    /// On; `None` if the number is absent, null or zero.
    On(Option<Minutes>),
}

impl Idle {
    /// The limit, if there is one.
    pub const fn limit(self) -> Option<Minutes> {
        match self {
            Self::On(limit) => limit,
            Self::Off => None,
        }
    }
}

impl Live {
    /// The source as in the resource; `UNRECOGNIZED` for any other.
    pub const fn source(&self) -> &'static str {
        match self {
            Self::Application => "APPLICATION",
            Self::Custom { .. } => "CUSTOM",
            Self::Unrecognized => "UNRECOGNIZED",
        }
    }

    /// The declared policy with which this one is in sync; `None` if it is incomplete, inconsistent, or of
    /// an unknown source.
    pub fn declarable(&self) -> Option<Policy> {
        let policy = match *self {
            Self::Application => Policy::Application,
            Self::Custom { absolute, idle } => Policy::Custom(Session::new(absolute?, idle.limit()).ok()?),
            Self::Unrecognized => return None,
        };
        (Self::from(policy) == *self).then_some(policy)
    }
}

impl From<Policy> for Live {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Application => Self::Application,
            Policy::Custom(session) => Self::Custom {
                absolute: Some(session.absolute),
                idle: session.idle.map_or(Idle::Off, |idle| Idle::On(Some(idle))),
            },
        }
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application => f.write_str("the application's policy"),
            Self::Unrecognized => f.write_str("a policy source this version does not know"),
            Self::Custom { absolute, idle } => {
                match absolute {
                    Some(absolute) => write!(f, "absolute {absolute}, ")?,
                    None => f.write_str("no absolute timeout, ")?,
                }
                match idle {
                    Idle::Off => f.write_str("idle off"),
                    Idle::On(Some(idle)) => write!(f, "idle {idle}"),
                    Idle::On(None) => f.write_str("idle on without a timeout"),
                }
            }
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Live::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_policy_can_be_declared() {
        let m = Minutes::new;
        let custom = |absolute, idle| Live::Custom { absolute, idle };
        for live in [Live::Application, custom(m(60), Idle::Off), custom(m(60), Idle::On(m(59)))] {
            assert_eq!(live.declarable().map(Live::from), Some(live));
        }
        for live in
            [Live::Unrecognized, custom(None, Idle::Off), custom(m(60), Idle::On(None)), custom(m(60), Idle::On(m(60)))]
        {
            assert_eq!(live.declarable(), None, "{live:?}");
        }
    }

    #[test]
    fn idle_must_stay_below_absolute() {
        let m = |n| Minutes::new(n).unwrap();
        assert!(Session::new(m(60), Some(m(59))).is_ok());
        assert!(Session::new(m(60), Some(m(60))).is_err());
        assert!(Session::new(m(60), Some(m(61))).is_err());
        assert!(Session::new(m(1), None).is_ok());
    }
}
