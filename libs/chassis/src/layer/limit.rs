//! How much a server takes on: beyond it, a refusal at once instead of a queue without end.

use std::sync::Arc;
use std::time::Duration;

use fault::{ErrorReason, Fault};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Access, Method};

/// When a refused caller may try again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Two budgets, so that many open streams do not keep out short calls: handlers at work, and answers
/// that stream on after their handler returned.
#[derive(Clone)]
pub(crate) struct Limits {
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// What an admitted call holds: the first until its handler returns, the second until its answer ends.
pub(crate) struct Admission {
    pub(crate) work: Option<OwnedSemaphorePermit>,
    pub(crate) stream: Option<OwnedSemaphorePermit>,
}

impl Limits {
    pub(crate) fn new(calls_max: usize, streams_max: usize) -> Self {
        let semaphore =
            |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { calls: semaphore(calls_max), streams: semaphore(streams_max) }
    }

    pub(crate) fn admit(&self, method: Method) -> Result<Admission, Fault> {
        if method.access == Access::Plumbing {
            return Ok(Admission { work: None, stream: None });
        }
        let stream = if method.answer_streams { Some(take(&self.streams)?) } else { None };
        Ok(Admission { work: Some(take(&self.calls)?), stream })
    }
}

fn take(budget: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(budget).try_acquire_owned().map_err(|_| {
        Fault::exhausted(
            ErrorReason::Overloaded,
            "the server works on as much as it can; call again later",
        )
        .retry_after(RETRY_AFTER)
    })
}
