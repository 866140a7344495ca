//! The Watch stream: built-ins, what is there, then every change as it commits.

use std::sync::Arc;

use fault::{ErrorReason, Fault};
use kernel::Position;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::catalog::v1 as pb;

use super::render;
use crate::app::App;
use crate::feed::{Feed, Step};

/// Messages ready before the reader asks: enough to keep the connection busy, few enough that a
/// reader that sleeps holds no memory to speak of.
const AHEAD_MAX: usize = 2;

type Sent = Result<pb::WatchResponse, Status>;

/// Begins a stream that ends with the reader, with the service, or with the database.
pub(super) async fn open(
    app: Arc<App>,
    cursors: Vec<Position>,
    context: &chassis::Context,
) -> Result<ReceiverStream<Sent>, Fault> {
    let feed = Feed::open(app, cursors).await.map_err(render::fault)?;
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    let stop = context.stop.clone();
    context.tasks.spawn(async move {
        tokio::select! {
            () = pump(feed, &sender) => {}
            () = sender.closed() => {}
            // A stream that did not end would hold up the whole shutdown.
            () = stop.cancelled() => {
                let fault = Fault::unavailable(
                    ErrorReason::ShuttingDown,
                    "the catalog is shutting down; go on from the last position elsewhere",
                );
                // A reader that does not read is told by the end of the connection.
                let _ = sender.try_send(Err(fault.into()));
            }
        }
    });
    Ok(ReceiverStream::new(receiver))
}

async fn pump(mut feed: Feed, sender: &mpsc::Sender<Sent>) {
    let first = pb::WatchResponse { changes: render::shipped(), ..Default::default() };
    let mut message = Ok(first);
    loop {
        let last = message.is_err();
        if sender.send(message).await.is_err() || last {
            return;
        }
        message = match feed.next().await {
            Ok(Step::Changes(changes)) => Ok(pb::WatchResponse {
                changes: changes.iter().map(render::change).collect(),
                ..Default::default()
            }),
            Ok(Step::SnapshotComplete(heads)) => Ok(pb::WatchResponse {
                snapshot_complete: true,
                heads: heads.into_iter().map(render::position).collect(),
                ..Default::default()
            }),
            Err(error) => Err(render::fault(error).into()),
        };
    }
}
