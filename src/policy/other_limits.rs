//! Where what applies to new sessions is not what is declared.

use super::{Bounds, Direction, Field, Live, Minutes, Policy, direction::direction, stricter};
use std::fmt;

/// A limit that applies to new sessions although another one is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OtherLimit {
    /// The field.
    pub field: Field,
    /// The limit that applies; `None` without one.
    pub applies: Option<Minutes>,
    /// The limit that would apply if the declared policy were live.
    pub declared: Option<Minutes>,
}

impl OtherLimit {
    /// Whether sessions live longer than declared.
    pub fn is_looser(&self) -> bool {
        direction(self.declared, self.applies) == Direction::Loosening
    }
}

impl fmt::Display for OtherLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |limit: Option<Minutes>| limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        write!(f, "{}: {} applies instead of {}", self.field.word(), limit(self.applies), limit(self.declared))
    }
}

/// The limits that apply and are not those that would if `declared` were live.
pub fn other_limits(declared: &Policy, live: &Live, application: Bounds) -> Vec<OtherLimit> {
    let (wanted, found) = (stricter(application, declared.into()), stricter(application, live.into()));
    let limit = |field, applies, declared| OtherLimit { field, applies, declared };
    [limit(Field::Absolute, found.absolute, wanted.absolute), limit(Field::Idle, found.idle, wanted.idle)]
        .into_iter()
        .filter(|limit| limit.applies != limit.declared)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Idle, Session},
        *,
    };

    #[test]
    fn a_declared_value_applies_only_if_it_is_live_or_hidden_by_the_application() {
        let m = |n| Minutes::new(n).unwrap();
        let declared = Policy::Custom(Session::new(m(480), Some(m(60))).unwrap());
        let live = |absolute, idle| Live::Custom { absolute: Some(m(absolute)), idle };
        let app = Bounds { absolute: Some(m(10_080)), idle: None };
        let said = |declared: &Policy, live: Live, app| {
            let others = other_limits(declared, &live, app);
            others.iter().map(|other| (other.to_string(), other.is_looser())).collect::<Vec<_>>()
        };
        let looser = |text: &str| (text.to_owned(), true);
        assert!(said(&declared, declared.into(), app).is_empty());
        assert_eq!(
            said(&declared, Live::Application, app),
            [looser("absolute: 7d applies instead of 8h"), looser("idle: no limit applies instead of 1h")]
        );
        assert_eq!(
            said(&declared, live(525_600, Idle::On(Some(m(30)))), app),
            [looser("absolute: 7d applies instead of 8h"), ("idle: 30m applies instead of 1h".to_owned(), false)]
        );
        // the application's limit applies either way
        let strict = Bounds { absolute: Some(m(60)), idle: Some(m(30)) };
        assert!(said(&declared, live(525_600, Idle::Off), strict).is_empty());
        assert!(said(&Policy::Application, live(525_600, Idle::Off), app).is_empty());
    }
}
