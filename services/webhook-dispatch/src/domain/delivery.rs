//! How far one event has come on its way to one endpoint.

use std::time::Duration;

use kernel::{Timestamp, TraceContext};

use super::retry::RetryPlan;

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx.
    Delivered,
    /// Any other status; a redirect is not followed.
    Refused,
    /// 410: the subscriber wants nothing any more.
    Gone,
    /// No answer in time.
    TimedOut,
    /// No connection, or one that broke.
    Unreachable,
    /// The name resolved to an address webhooks must not reach.
    ForbiddenAddress,
}

/// What came back for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// Status of the HTTP answer, if one came.
    pub status: Option<u16>,
    /// The beginning of its body, as text.
    pub body: String,
    /// What went wrong, in one line; empty when an answer came.
    pub error: String,
    /// How long the subscriber asked us to wait.
    pub retry_after: Option<Duration>,
    pub started: Timestamp,
    pub took: Duration,
    /// The span of the request.
    pub trace: Option<TraceContext>,
}

impl Answer {
    /// When it was complete.
    pub fn ended(&self) -> Timestamp {
        self.started.plus(self.took)
    }
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The next attempt is due at `due`; while one is under way, that is when it counts as lost.
    Pending { attempts: u32, due: Timestamp },
    /// The subscriber has it.
    Succeeded { attempts: u32, at: Timestamp },
    /// Given up.
    Dead { attempts: u32, at: Timestamp },
}

/// The name of a delivery's state, for lists and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Pending,
    Succeeded,
    Dead,
}

/// An answer for a delivery that waits for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery has settled already")]
pub struct WrongState;

impl Delivery {
    /// Not tried yet, to be tried at `due`.
    pub fn new(due: Timestamp) -> Self {
        Self::Pending { attempts: 0, due }
    }

    /// Moves on after an attempt. `spread` is drawn evenly from 0 to 1.
    pub fn answered(
        self,
        answer: &Answer,
        plan: &RetryPlan,
        spread: f64,
    ) -> Result<Self, WrongState> {
        let Self::Pending { attempts, .. } = self else { return Err(WrongState) };
        let (attempts, at) = (attempts + 1, answer.ended());
        Ok(match answer.verdict {
            Verdict::Delivered => Self::Succeeded { attempts, at },
            Verdict::Gone => Self::Dead { attempts, at },
            Verdict::Refused
            | Verdict::TimedOut
            | Verdict::Unreachable
            | Verdict::ForbiddenAddress => match plan.delay(attempts, answer.retry_after, spread) {
                Some(delay) => Self::Pending { attempts, due: at.plus(delay) },
                None => Self::Dead { attempts, at },
            },
        })
    }

    /// Gives up without another attempt: its endpoint takes nothing any more.
    pub fn abandoned(self, at: Timestamp) -> Result<Self, WrongState> {
        match self {
            Self::Pending { attempts, .. } => Ok(Self::Dead { attempts, at }),
            Self::Succeeded { .. } | Self::Dead { .. } => Err(WrongState),
        }
    }

    /// Which of the three it is.
    pub fn stage(self) -> Stage {
        match self {
            Self::Pending { .. } => Stage::Pending,
            Self::Succeeded { .. } => Stage::Succeeded,
            Self::Dead { .. } => Stage::Dead,
        }
    }

    /// Attempts that came to an end.
    pub fn attempts(self) -> u32 {
        match self {
            Self::Pending { attempts, .. }
            | Self::Succeeded { attempts, .. }
            | Self::Dead { attempts, .. } => attempts,
        }
    }

    /// When something has to happen, if anything has.
    pub fn due(self) -> Option<Timestamp> {
        match self {
            Self::Pending { due, .. } => Some(due),
            Self::Succeeded { .. } | Self::Dead { .. } => None,
        }
    }

    /// When it settled, if it has.
    pub fn settled(self) -> Option<Timestamp> {
        match self {
            Self::Pending { .. } => None,
            Self::Succeeded { at, .. } | Self::Dead { at, .. } => Some(at),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn answer(verdict: Verdict) -> Answer {
        Answer {
            verdict,
            status: None,
            body: String::new(),
            error: String::new(),
            retry_after: None,
            started: START,
            took: Duration::from_secs(1),
            trace: None,
        }
    }

    fn after(delivery: Delivery, verdict: Verdict) -> Delivery {
        delivery.answered(&answer(verdict), &RetryPlan::standard(), 0.5).unwrap()
    }

    #[test]
    fn two_hundred_settles_it() {
        let at = START.plus(Duration::from_secs(1));
        assert_eq!(
            after(Delivery::new(START), Verdict::Delivered),
            Delivery::Succeeded { attempts: 1, at }
        );
    }

    #[test]
    fn a_failure_is_due_again_by_the_plan() {
        let due = START.plus(Duration::from_secs(1 + 5));
        let pending = after(Delivery::new(START), Verdict::TimedOut);
        assert_eq!(pending, Delivery::Pending { attempts: 1, due });
        let due = START.plus(Duration::from_secs(1 + 300));
        assert_eq!(after(pending, Verdict::Refused), Delivery::Pending { attempts: 2, due });
    }

    #[test]
    fn the_tenth_failure_is_the_last() {
        let mut delivery = Delivery::new(START);
        for _ in 0..9 {
            delivery = after(delivery, Verdict::Unreachable);
            assert!(delivery.due().is_some());
        }
        let delivery = after(delivery, Verdict::Unreachable);
        assert_eq!(
            delivery,
            Delivery::Dead { attempts: 10, at: START.plus(Duration::from_secs(1)) }
        );
    }

    #[test]
    fn gone_is_final_at_once() {
        assert!(matches!(
            after(Delivery::new(START), Verdict::Gone),
            Delivery::Dead { attempts: 1, .. }
        ));
    }

    #[test]
    fn what_has_settled_moves_no_more() {
        for settled in [
            Delivery::Succeeded { attempts: 1, at: START },
            Delivery::Dead { attempts: 10, at: START },
        ] {
            let plan = RetryPlan::standard();
            assert_eq!(settled.answered(&answer(Verdict::Delivered), &plan, 0.5), Err(WrongState));
            assert_eq!(settled.abandoned(START), Err(WrongState));
        }
    }
}
