//! Writes what became of attempts whose delivery has a row already: one transaction at a time, each
//! taking everything that came in meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Partition};
use tokio::sync::{mpsc, watch};

use crate::domain::Verdict;
use crate::endpoints::Endpoints;
use crate::store::{Settlement, Store};

/// Rows of one transaction.
const GROUP: usize = 256;
/// Settlements in line; more wait with their place in the lane taken, which is what should happen.
const QUEUE: usize = 1_024;
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// The way to the settler. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Settler {
    line: mpsc::Sender<(Partition, Settlement, Open)>,
    open: watch::Sender<usize>,
}

/// A delivery that is being seen to, until this is dropped.
#[derive(Debug)]
pub(crate) struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Settler {
    /// The settler and its loop, which ends when every settler is dropped.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        endpoints: Arc<Endpoints>,
        clock: Arc<dyn Clock>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (line, queue) = mpsc::channel(QUEUE);
        let settler = Self { line, open: watch::Sender::new(0) };
        (settler, run(store, endpoints, clock, queue))
    }

    /// Notes that a delivery is being seen to.
    pub(crate) fn open(&self) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.open.clone())
    }

    /// Hands over what became of it.
    pub(crate) async fn settle(&self, partition: Partition, settlement: Settlement, open: Open) {
        // The loop only ends after the last sender; a runtime that ends first loses nothing but time:
        // the claim runs out.
        let _ = self.line.send((partition, settlement, open)).await;
    }

    /// Resolves when nothing is being seen to.
    pub(crate) async fn idle(&self) {
        let mut open = self.open.subscribe();
        // Closed is impossible while `self` holds a sender.
        let _ = open.wait_for(|open| *open == 0).await;
    }
}

async fn run(
    store: Arc<dyn Store>,
    endpoints: Arc<Endpoints>,
    clock: Arc<dyn Clock>,
    mut queue: mpsc::Receiver<(Partition, Settlement, Open)>,
) {
    let mut taken = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut taken, GROUP).await > 0 {
        let mut groups: HashMap<Partition, (Vec<Settlement>, Vec<Open>)> = HashMap::new();
        for (partition, settlement, open) in taken.drain(..) {
            let group = groups.entry(partition).or_default();
            group.0.push(settlement);
            group.1.push(open);
        }
        for (partition, (settlements, _open)) in groups {
            let gone =
                |s: &Settlement| s.answer.as_ref().is_some_and(|a| a.verdict == Verdict::Gone);
            let switched_off = settlements.iter().any(gone);
            write(&*store, partition, settlements, &*clock).await;
            if switched_off {
                endpoints.forget(partition);
            }
        }
    }
}

/// Tries for a while; after that the claims run out and the attempts are made again under their ids.
async fn write(
    store: &dyn Store,
    partition: Partition,
    settlements: Vec<Settlement>,
    clock: &dyn Clock,
) {
    for attempt in 1..=TRIES {
        match store.settle(partition, settlements.clone()).await {
            Ok(()) => return,
            Err(error) if error.is_retryable() && attempt < TRIES => {
                clock.sleep_until(clock.now().plus(PAUSE * attempt)).await;
            }
            Err(error) => {
                let error = fault::chain(&error);
                tracing::warn!(%partition, rows = settlements.len(), error, "attempts could not be noted");
                return;
            }
        }
    }
}
