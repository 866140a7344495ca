//! What a consumer is handed.

use kernel::{EventId, Partition, Position, Timestamp, TraceContext, WorkspaceId};
use prost::Message as _;
use wire::ingest::v1::{LedgerEntry, LedgerRecord, TailResponse};

use crate::Error;

/// Entries of one partition, in order and without gaps.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The partition.
    pub partition: Partition,
    /// At least one; seq grows by one.
    pub entries: Vec<Entry>,
}

/// One entry of the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// When it happened.
    pub occurred: Timestamp,
    /// Who caused it: the span of the call that tracked it.
    pub trace: Option<TraceContext>,
    /// The event and what it was worth.
    pub record: LedgerRecord,
}

impl Entry {
    /// Its id.
    pub fn event_id(&self) -> EventId {
        EventId(self.position)
    }
}

impl Batch {
    /// Decodes a message of the stream and checks that it goes on where `applied` ended.
    pub(crate) fn decode(
        message: TailResponse,
        applied: impl Fn(Partition) -> i64,
    ) -> Result<Self, Error> {
        let partition =
            i16::try_from(message.partition).ok().and_then(Partition::new).ok_or_else(|| {
                tonic::Status::data_loss("the ledger named a partition that does not exist")
            })?;
        let mut expected = applied(partition);
        let entries = message.entries.into_iter().map(|entry| {
            expected += 1;
            if entry.seq != expected {
                let gap =
                    format!("partition {partition} went from {} to {}", expected - 1, entry.seq);
                return Err(Error::Ledger(tonic::Status::data_loss(gap)));
            }
            Entry::decode(partition, entry)
        });
        Ok(Self { partition, entries: entries.collect::<Result<_, _>>()? })
    }

    /// Keeps the first `count` entries; answers the rest, if there is any.
    pub(crate) fn cut(&mut self, count: usize) -> Option<Self> {
        let rest = self.entries.split_off(count.max(1).min(self.entries.len()));
        (!rest.is_empty()).then_some(Self { partition: self.partition, entries: rest })
    }

    /// Seq of the last entry.
    pub fn last(&self) -> i64 {
        self.entries.last().map_or(0, |entry| entry.position.seq)
    }
}

impl Entry {
    fn decode(partition: Partition, entry: LedgerEntry) -> Result<Self, Error> {
        let seq = entry.seq;
        let corrupt = |cause| Error::Corrupt { partition, seq, cause };
        Ok(Self {
            position: Position { partition, seq },
            workspace: WorkspaceId::new(entry.workspace)
                .ok_or_else(|| corrupt("its workspace is not positive".into()))?,
            recorded: Timestamp::from_micros(entry.recorded_time_us),
            occurred: Timestamp::from_micros(entry.occurred_time_us),
            trace: TraceContext::from_bytes(&entry.trace_context),
            record: LedgerRecord::decode(entry.record).map_err(|e| corrupt(e.into()))?,
        })
    }
}
