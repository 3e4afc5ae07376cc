//! What a decision returns.

/// The next thing to do: one request, or none because the work has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step<R, O> {
    /// Carry this out and hand back the response.
    Request(R),
    /// The reconcile has ended.
    Done(O),
}
