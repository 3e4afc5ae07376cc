//! What becomes of a request that a process has sent to the API server.

/// Of process number so and so.
#[derive(Debug, Clone, Copy)]
pub(super) enum Delivery {
    /// The API server carries it out.
    Execute(usize),
    /// It, or its response, gets lost.
    Lose(usize),
    /// The process has the response.
    Hear(usize),
}

impl Delivery {
    /// What may happen next to the request of `who`; so many may still get lost.
    pub(super) fn next(who: usize, is_carried_out: bool, losses: u8) -> impl Iterator<Item = Self> {
        let next = if is_carried_out { Self::Hear(who) } else { Self::Execute(who) };
        std::iter::once(next).chain((losses > 0).then_some(Self::Lose(who)))
    }

    pub(super) fn told(self, names: [&str; 2]) -> String {
        match self {
            Self::Execute(_) => "- the API server carries it out".into(),
            Self::Lose(who) => format!("- the response to process {} is lost", names[who]),
            Self::Hear(who) => format!("- process {} has the response", names[who]),
        }
    }
}
