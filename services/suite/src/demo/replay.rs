//! Sending the month, some batches at a time.

use chassis::Channel;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{Event, TrackBatchRequest};

use crate::failure::Failure;

/// Events of one call: about 150 KiB, well under the limit of 1 MiB.
const BATCH: usize = 500;
/// Calls in flight, so that one fills while another commits.
const IN_FLIGHT: usize = 4;

/// What the ledger said.
#[derive(Debug, Default, Clone)]
pub(crate) struct Replayed {
    pub(crate) recorded: u64,
    /// Tracked by an earlier run of the demo.
    pub(crate) duplicates: u64,
    /// Freshness token of the last event.
    pub(crate) position: String,
}

/// Tracks all events; any refusal ends it.
pub(crate) async fn replay(
    ingest: &IngestServiceClient<Channel>,
    events: Vec<Event>,
    catalog_at_least: &str,
    bar: &ProgressBar,
) -> Result<Replayed, Failure> {
    let batches: Vec<Vec<Event>> = events.chunks(BATCH).map(<[Event]>::to_vec).collect();
    let answers = stream::iter(batches.into_iter().map(|events| {
        let mut ingest = ingest.clone();
        let request = TrackBatchRequest { events, catalog_at_least: catalog_at_least.to_owned() };
        async move {
            let answer = ingest.track_batch(request).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(Failure::call("a batch was not tracked"))
        }
    }))
    .buffered(IN_FLIGHT);
    answers
        .try_fold(Replayed::default(), |mut replayed, answer| async move {
            for result in answer.results {
                match result.result {
                    Some(Outcome::Receipt(receipt)) => {
                        if receipt.duplicate {
                            replayed.duplicates += 1;
                        } else {
                            replayed.recorded += 1;
                        }
                        // Fixed width: the later position is the greater text.
                        replayed.position = replayed.position.max(receipt.position);
                    }
                    Some(Outcome::Refusal(refusal)) => {
                        return Err(Failure::Other(format!(
                            "an event was refused: {}",
                            refusal.message
                        )));
                    }
                    None => return Err(Failure::Other("a batch was answered in part".to_owned())),
                }
            }
            bar.set_position(replayed.recorded + replayed.duplicates);
            Ok(replayed)
        })
        .await
}
