//! LedgerService: the ledger as the other services consume it.

use std::collections::BTreeMap;
use std::pin::Pin;

use fault::{ErrorReason, Fault, Violations};
use futures_util::Stream;
use kernel::{Partition, Position};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};
use wire::common::v1 as common;
use wire::ingest::v1::ledger_service_server::LedgerService;
use wire::ingest::v1::{GetHeadsRequest, GetHeadsResponse, LedgerEntry, TailRequest, TailResponse};

use super::storage;
use crate::heads::Heads;
use crate::recent::Recent;
use crate::store::{LedgerReader, Row};

/// Entries of one message: enough that 64 consumers' frames stay few (RELIABILITY 0.3).
const MESSAGE_ENTRIES_MAX: usize = 512;
/// Bytes of one message, so that it stays under every limit on decoding.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Messages a consumer may be behind before the reader waits for it. A slow one costs only itself.
const MESSAGES_AHEAD: usize = 4;

pub(crate) struct LedgerApi {
    pub(crate) reader: LedgerReader,
    pub(crate) heads: Heads,
    pub(crate) recent: Recent,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

type TailStream = Pin<Box<dyn Stream<Item = Result<TailResponse, Status>> + Send>>;

#[tonic::async_trait]
impl LedgerService for LedgerApi {
    type TailStream = TailStream;

    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<TailStream>, Status> {
        let cursors = cursors(request.into_inner())?;
        self.check_ahead(&cursors).await?;
        let (messages, stream) = mpsc::channel(MESSAGES_AHEAD);
        let tail = Tail {
            reader: self.reader.clone(),
            recent: self.recent.clone(),
            heads: self.heads.clone(),
            cursors,
            messages,
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let messages = tail.messages.clone();
            let end = tokio::select! {
                end = tail.run() => end,
                // Shutdown waits for no reader: it resumes from its cursor elsewhere, or later.
                () = stop.cancelled() => Err(Fault::unavailable(
                    ErrorReason::ShuttingDown,
                    "ingest is stopping: resume from the last cursor applied",
                )),
                () = messages.closed() => Ok(()),
            };
            if let Err(fault) = end {
                let _ = messages.try_send(Err(fault.into()));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        let heads = self.reader.heads().await.map_err(storage)?;
        let heads = heads
            .into_iter()
            .map(|head| common::Position { partition: head.partition.get().into(), seq: head.seq });
        Ok(Response::new(GetHeadsResponse { heads: heads.collect() }))
    }
}

impl LedgerApi {
    /// A cursor behind the end of the ledger belongs to another ledger: this one was replaced or restored
    /// from a backup, and what the consumer holds is not what stands here.
    async fn check_ahead(&self, cursors: &BTreeMap<Partition, i64>) -> Result<(), Fault> {
        for head in self.reader.heads().await.map_err(storage)? {
            let cursor = cursors.get(&head.partition).copied().unwrap_or(0);
            if cursor > head.seq {
                return Err(Fault::precondition(
                    ErrorReason::CursorAhead,
                    format!(
                        "the cursor of partition {} stands at {cursor}, the ledger ends at {}: this consumer's \
                         database was filled from another ledger; restore both from one backup, or empty the \
                         consumer's database",
                        head.partition, head.seq
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn cursors(request: TailRequest) -> Result<BTreeMap<Partition, i64>, Fault> {
    let mut v = Violations::new();
    if request.consumer.is_empty() {
        v.add("consumer", ErrorReason::Required, "is required: the name of the consumer");
    }
    if request.cursors.is_empty() {
        v.add("cursors", ErrorReason::Required, "names at least one partition; none was sent");
    }
    let mut cursors = BTreeMap::new();
    for (n, cursor) in request.cursors.iter().enumerate() {
        let field = format!("cursors[{n}]");
        match i16::try_from(cursor.partition).ok().and_then(Partition::new) {
            None => {
                let what = format!("partition is 0 to 63; {} was sent", cursor.partition);
                v.add(field, ErrorReason::OutOfRange, what);
            }
            Some(_) if cursor.seq < 0 => {
                v.add(
                    field,
                    ErrorReason::OutOfRange,
                    format!("seq is 0 or more; {} was sent", cursor.seq),
                );
            }
            Some(partition) => {
                if cursors.insert(partition, cursor.seq).is_some() {
                    let what = format!("partition {partition} is named twice");
                    v.add(field, ErrorReason::InvalidField, what);
                }
            }
        }
    }
    v.finish()?;
    Ok(cursors)
}

struct Tail {
    reader: LedgerReader,
    recent: Recent,
    heads: Heads,
    cursors: BTreeMap<Partition, i64>,
    messages: mpsc::Sender<Result<TailResponse, Status>>,
}

impl Tail {
    /// Ships what lies behind the cursors, then waits for more, until the consumer goes.
    async fn run(mut self) -> Result<(), Fault> {
        let mut news = self.heads.subscribe();
        loop {
            let heads = *news.borrow_and_update();
            // One message a partition in turn: a long backlog in one does not starve the others.
            let mut behind = true;
            while behind {
                behind = false;
                for partition in self.cursors.keys().copied().collect::<Vec<_>>() {
                    let cursor = self.cursors[&partition];
                    if heads.of(partition) <= cursor {
                        continue;
                    }
                    if !self.ship(Position { partition, seq: cursor }).await? {
                        return Ok(());
                    }
                    // A head announced before it can be read is waited for, not spun on.
                    let moved = self.cursors[&partition] > cursor;
                    behind |= moved && self.cursors[&partition] < heads.of(partition);
                }
            }
            if news.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Sends the next message of a partition; `false` when nobody reads any more.
    async fn ship(&mut self, cursor: Position) -> Result<bool, Fault> {
        let mut rows = match self.recent.after(cursor, MESSAGE_ENTRIES_MAX) {
            Some(rows) => rows,
            None => self.reader.after(cursor, MESSAGE_ENTRIES_MAX as u64).await.map_err(storage)?,
        };
        let mut bytes = 0;
        let fits = rows.iter().take_while(|row| {
            bytes += row.record.len();
            bytes <= MESSAGE_BYTES_MAX
        });
        // An event is 32 KiB at most, so at least one always fits.
        let fits = fits.count();
        rows.truncate(fits);
        let Some(last) = rows.last() else { return Ok(true) };
        self.cursors.insert(cursor.partition, last.position.seq);
        let message = TailResponse {
            partition: cursor.partition.get().into(),
            entries: rows.into_iter().map(entry).collect(),
        };
        Ok(self.messages.send(Ok(message)).await.is_ok())
    }
}

fn entry(row: Row) -> LedgerEntry {
    LedgerEntry {
        seq: row.position.seq,
        workspace: row.workspace.get(),
        recorded_time_us: row.recorded.micros(),
        occurred_time_us: row.occurred.micros(),
        trace_context: row.trace.map(|trace| trace.to_bytes().to_vec()).unwrap_or_default(),
        record: row.record,
    }
}
