//! What became of a step.

/// The judgement a step's credit depends on (METRICS 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A human sent it or accepted it as it was.
    Success,
    /// A human changed it significantly.
    NeedsReview,
    /// A human started again.
    Failure,
    /// Not judged yet: earns nothing until it is.
    Pending,
}

impl Outcome {
    /// In the order of the outcome bar.
    pub const ALL: [Self; 4] = [Self::Success, Self::NeedsReview, Self::Failure, Self::Pending];

    /// The word callers, filters and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::NeedsReview => "needs_review",
            Self::Failure => "failure",
            Self::Pending => "pending",
        }
    }

    /// The outcome behind a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}
