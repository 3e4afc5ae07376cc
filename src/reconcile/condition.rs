//! Conditions as the decision sees them: without time, which is the shell's.

use super::Reason;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The types of condition a resource has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray)]
pub enum ConditionType {
    /// The operator did its job for this generation. Always there.
    Ready,
    /// The live policy is the declared one.
    Synced,
    /// The feature session_policy is on.
    FeatureEnabled,
    /// What applies to new sessions is what is declared.
    Effective,
    /// Others keep undoing what the operator writes. Only there when True.
    Contended,
    /// Work is under way. Only there when True (kstatus).
    Reconciling,
    /// A person is needed. Only there when True, never with Reconciling
    /// (kstatus).
    Stalled,
}

impl ConditionType {
    /// All of them, in the order they are shown.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// As metav1.Condition spells it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// A condition's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is not known.
    Unknown,
}

impl ConditionStatus {
    /// As metav1.Condition spells it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// From metav1.Condition; anything else is Unknown.
    pub fn parse(name: &str) -> Self {
        name.parse().unwrap_or(Self::Unknown)
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Its type.
    pub type_: ConditionType,
    /// Its status.
    pub status: ConditionStatus,
    /// Why.
    pub reason: Reason,
    /// For a person; never a secret, never a time that changes by itself.
    pub message: String,
}

/// The longest message of a condition or an event in bytes (`docs/development/failures.md`
/// row 75).
const LONGEST_MESSAGE: usize = 410;
/// The longest message of a condition that repeats in few words what Ready or
/// other fields of the status say in full, so that a whole status stays below
/// 4 KiB.
const LONGEST_NOTE: usize = 106;
/// The longest message of Contended, which has a fixed sentence.
const SHORTEST_NOTE: usize = 96;

/// `message`, cut at a character where it is overlong: a server can name as
/// many flags as it likes.
pub(super) fn cut(message: String) -> String {
    cut_to(LONGEST_MESSAGE, message)
}

fn cut_to(longest: usize, mut message: String) -> String {
    if message.len() > longest {
        let end = message.floor_char_boundary(longest - '…'.len_utf8());
        message.truncate(end);
        message.push('…');
    }
    message
}

impl Condition {
    /// The one constructor; an overlong message is cut at a character.
    pub fn new(type_: ConditionType, status: ConditionStatus, reason: Reason, message: impl Into<String>) -> Self {
        let longest = match type_ {
            ConditionType::Ready => LONGEST_MESSAGE,
            ConditionType::Contended => SHORTEST_NOTE,
            _ => LONGEST_NOTE,
        };
        Self { type_, status, reason, message: cut_to(longest, message.into()) }
    }
}

/// Puts `condition` in the place of one of its kind.
pub(super) fn set(conditions: &mut Vec<Condition>, condition: Condition) {
    conditions.retain(|c| c.type_ != condition.type_);
    conditions.push(condition);
    conditions.sort_by_key(|c| c.type_);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlong_message_is_cut_at_a_character() {
        let message =
            Condition::new(ConditionType::Ready, ConditionStatus::True, Reason::InSync, "ß".repeat(1000)).message;
        assert!(message.len() <= LONGEST_MESSAGE && message.ends_with("ß…"));
        assert_eq!(cut("x".repeat(LONGEST_MESSAGE)), "x".repeat(LONGEST_MESSAGE), "it fits");
        assert_eq!(cut("x".repeat(LONGEST_MESSAGE + 1)), "x".repeat(LONGEST_MESSAGE - 3) + "…", "of three bytes");
    }

    #[test]
    fn a_type_is_known_by_its_name() {
        for type_ in ConditionType::ALL {
            assert_eq!(ConditionType::parse(type_.name()), Some(*type_));
        }
        assert_eq!(ConditionType::parse("Available"), None);
    }
}
