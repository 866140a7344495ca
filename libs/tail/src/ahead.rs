//! Reading ahead: what the ledger sends while batches are applied waits here, so that a consumer that is
//! behind finds much of each partition together.
//!
//! The stream alone holds a mebibyte. With fifty busy partitions that was 60 entries of each, and a
//! transaction for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};
use wire::ingest::v1::TailResponse;

/// What waits at most, KiB, besides what is being applied.
const ROOM: u32 = 8 * 1024;

/// A stream of the ledger, some of it here already.
pub(crate) struct Ahead {
    waiting: mpsc::UnboundedReceiver<Waiting>,
    _reader: AbortOnDropHandle<()>,
}

struct Waiting {
    message: Result<TailResponse, Status>,
    /// Given back when it is taken.
    _room: Option<OwnedSemaphorePermit>,
}

impl Ahead {
    /// Reads until it is dropped: one message ahead, or as many as there is room for.
    pub(crate) fn read(stream: Streaming<TailResponse>, far: bool) -> Self {
        let (into, waiting) = mpsc::unbounded_channel();
        let room = if far { ROOM } else { 1 };
        let reader = AbortOnDropHandle::new(tokio::spawn(read(stream, into, room)));
        Self { waiting, _reader: reader }
    }

    /// The next message; `None` when the ledger has ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<TailResponse>, Status> {
        self.waiting.recv().await.map(|waiting| waiting.message).transpose()
    }

    /// The next message, if it is here already.
    pub(crate) fn next_here(&mut self) -> Result<Option<TailResponse>, Status> {
        self.waiting.try_recv().ok().map(|waiting| waiting.message).transpose()
    }
}

async fn read(
    mut stream: Streaming<TailResponse>,
    into: mpsc::UnboundedSender<Waiting>,
    room: u32,
) {
    let places = Arc::new(Semaphore::new(room as usize));
    while let Some(message) = stream.message().await.transpose() {
        let ended = message.is_err();
        let kib = message.as_ref().map_or(1, kib).min(room);
        // It is never closed.
        let held = Arc::clone(&places).acquire_many_owned(kib).await.ok();
        if into.send(Waiting { message, _room: held }).is_err() || ended {
            return;
        }
    }
}

fn kib(message: &TailResponse) -> u32 {
    let bytes: usize = message.entries.iter().map(|entry| entry.record.len()).sum();
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}
