//! What a decision returns.

/// More steps than any reconcile takes: a decision that goes round in circles ends
/// there instead of hammering Scalekit.
pub const MAX_STEPS: usize = 128;

/// The next thing to do: one request, or none because the work has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<R, O> {
    /// Carry this out and hand back the response.
    Request(R),
    /// The reconcile has ended.
    Done(O),
}
