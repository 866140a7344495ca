//! Makes attempts for the consumer and the worker alike, and judges what they mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::{Clock, IdSource};
use tokio_util::sync::CancellationToken;

use crate::domain::{Answer, Delivery, DeliveryId, Endpoint, RetryPlan, WrongState};
use crate::lanes::{Lane, Lanes};
use crate::sender::{Sender, TOTAL, Thread};

/// A claim outlives the longest attempt by this: whoever still holds it then is gone.
pub(crate) const CLAIM: Duration = TOTAL.saturating_mul(2);

/// How long an attempt under way may go on once the service stops.
const GRACE: Duration = Duration::from_secs(1);

/// The sender, the lanes to it, and the plan for what fails.
pub(crate) struct Courier {
    pub(crate) lanes: Lanes,
    /// How long a batch waits for an answer, and what counts as a prompt one.
    pub(crate) patience: Duration,
    sender: Sender,
    plan: RetryPlan,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    stop: CancellationToken,
}

impl Courier {
    /// Stops sending soon after `stop`.
    pub(crate) fn new(
        sender: Sender,
        lanes: Lanes,
        patience: Duration,
        context: &chassis::Context,
    ) -> Self {
        Self {
            lanes,
            patience,
            sender,
            plan: RetryPlan::standard(),
            clock: Arc::clone(&context.clock),
            ids: Arc::clone(&context.ids),
            stop: context.stop.clone(),
        }
    }

    /// One attempt, by whoever holds a place in `lane`. `None` when the service stopped before an answer
    /// came: the claim runs out, and the attempt is made again under the same id.
    pub(crate) async fn attempt(
        &self,
        endpoint: &Endpoint,
        lane: &Lane,
        (id, body): (DeliveryId, Bytes),
        thread: Thread,
    ) -> Option<Answer> {
        let stopping = async {
            self.stop.cancelled().await;
            self.clock.sleep_until(self.clock.now().plus(GRACE)).await;
        };
        let answer = tokio::select! {
            answer = self.sender.send(endpoint, id, body, thread) => answer,
            () = stopping => return None,
        };
        lane.answered(answer.verdict, answer.took <= self.patience);
        Some(answer)
    }

    /// The delivery after `answer`.
    pub(crate) fn after(&self, state: Delivery, answer: &Answer) -> Result<Delivery, WrongState> {
        let mut drawn = [0; 4];
        self.ids.fill(&mut drawn);
        let spread = f64::from(u32::from_le_bytes(drawn)) / f64::from(u32::MAX);
        state.answered(answer, &self.plan, spread)
    }
}
