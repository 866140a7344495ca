//! Sending events in batches, a few at a time, and remembering what was acknowledged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::Channel;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kernel::Position;
use tokio::sync::watch;
use tonic::Status;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Event, Receipt, TrackBatchRequest};

use crate::{PATIENCE, Stage};

/// So that one batch fills while another commits.
const IN_FLIGHT: usize = 4;

/// Where every acknowledged event stands, by its idempotency key.
#[derive(Clone)]
pub struct Acks {
    positions: Arc<Mutex<BTreeMap<String, String>>>,
    count: watch::Sender<usize>,
}

impl Acks {
    #[expect(clippy::new_without_default, reason = "a test says that it begins with none")]
    pub fn new() -> Self {
        Self { positions: Arc::default(), count: watch::Sender::new(0) }
    }

    /// Waits until so many events have been acknowledged.
    pub async fn reach(&self, count: usize) {
        let mut counted = self.count.subscribe();
        let reached = tokio::time::timeout(PATIENCE, counted.wait_for(|now| *now >= count)).await;
        let reached = reached.unwrap_or_else(|_| panic!("{} of {count}", self.count()));
        reached.expect("these acks hold the sender");
    }

    /// Acknowledged so far.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Notes a receipt.
    ///
    /// # Panics
    /// When the same key was acknowledged at another place before.
    fn note(&self, key: &str, receipt: &Receipt) {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = positions.entry(key.to_owned()).or_insert_with(|| receipt.position.clone());
        assert_eq!(*place, receipt.position, "{key} was acknowledged at two places");
        self.count.send_replace(positions.len());
    }
}

/// What the ledger said to all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    pub new: usize,
    pub duplicates: usize,
    /// Freshness token of the last one.
    pub position: String,
}

/// Tracks all events in batches of `size`; what was acknowledged before an error is in `acks`.
///
/// # Errors
/// The first batch that failed.
///
/// # Panics
/// When an event was refused: none of a test's is wrong.
pub async fn send(
    stage: &Stage,
    events: Vec<Event>,
    size: usize,
    acks: &Acks,
) -> Result<Sent, Status> {
    let ingest = IngestServiceClient::new(stage.channel(&stage.addresses.ingest()));
    let batches: Vec<Vec<Event>> = events.chunks(size).map(<[Event]>::to_vec).collect();
    let answers = stream::iter(batches.into_iter().map(|events| {
        let mut ingest = ingest.clone();
        async move {
            let receipts = track(&mut ingest, stage, events.clone()).await?;
            for (event, receipt) in events.iter().zip(&receipts) {
                acks.note(&event.idempotency_key, receipt);
            }
            Ok::<Vec<Receipt>, Status>(receipts)
        }
    }))
    .buffer_unordered(IN_FLIGHT);
    let receipts: Vec<Receipt> = answers.try_concat().await?;
    let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count();
    let positions = receipts.iter().filter_map(|receipt| receipt.position.parse().ok());
    let last = positions.max_by_key(|position: &Position| position.seq);
    Ok(Sent {
        new: receipts.len() - duplicates,
        duplicates,
        position: last.map(|position| position.to_string()).unwrap_or_default(),
    })
}

/// Tracks one batch; the receipts in its order.
///
/// # Errors
/// The call's. Whether anything was recorded is unknown then.
///
/// # Panics
/// When an event was refused: none of a test's is wrong.
pub async fn track(
    ingest: &mut IngestServiceClient<Channel>,
    stage: &Stage,
    events: Vec<Event>,
) -> Result<Vec<Receipt>, Status> {
    let catalog_at_least = stage.catalog_version.clone();
    let request = TrackBatchRequest { events: events.clone(), catalog_at_least };
    let results = ingest.track_batch(request).await?.into_inner().results;
    assert_eq!(results.len(), events.len(), "one result an event");
    let receipts = events.into_iter().zip(results).map(|(event, result)| {
        let Some(Outcome::Receipt(receipt)) = result.result else {
            panic!("{event:?} was refused: {result:?}");
        };
        receipt
    });
    Ok(receipts.collect())
}
