//! Reading a stretch of the ledger again, beside what is consumed: no lease, no cursor, no effect.

use kernel::Partition;
use tonic::Streaming;
use wire::common::v1 as common;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::{TailRequest, TailResponse};

use crate::{Batch, Error};

/// Opens the ledger for reading again.
#[derive(Clone)]
pub struct Replayer {
    ledger: LedgerServiceClient<chassis::Channel>,
    reader: &'static str,
}

/// A stretch of one partition.
pub struct Replay {
    /// `None` where there is nothing to read.
    stream: Option<Streaming<TailResponse>>,
    at: i64,
    until: i64,
}

impl Replayer {
    /// `reader` is a name for logs.
    pub const fn new(ledger: LedgerServiceClient<chassis::Channel>, reader: &'static str) -> Self {
        Self { ledger, reader }
    }

    /// Begins behind `after`; `until` is the last seq that is read.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub async fn open(
        &self,
        partition: Partition,
        (after, until): (i64, i64),
    ) -> Result<Replay, Error> {
        if after >= until {
            return Ok(Replay { stream: None, at: after, until });
        }
        let cursor = common::Position { partition: i32::from(partition.get()), seq: after };
        let request = TailRequest { consumer: self.reader.to_owned(), cursors: vec![cursor] };
        let stream = Some(self.ledger.clone().tail(request).await?.into_inner());
        Ok(Replay { stream, at: after, until })
    }
}

impl Replay {
    /// Seq of the last entry read.
    pub const fn at(&self) -> i64 {
        self.at
    }

    /// The next entries; `None` when all are read.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the stream ends early, [`Error::Corrupt`] for an entry that does not decode.
    pub async fn next(&mut self) -> Result<Option<Batch>, Error> {
        if self.at >= self.until {
            return Ok(None);
        }
        let message = match &mut self.stream {
            Some(stream) => stream.message().await?,
            None => None,
        };
        let early = || tonic::Status::unavailable("the ledger ended the stream");
        let mut batch = Batch::decode(message.ok_or_else(early)?, |_| self.at)?;
        let left = usize::try_from(self.until - self.at).unwrap_or(usize::MAX);
        batch.cut(left);
        self.at = batch.last().max(self.at);
        Ok(Some(batch))
    }
}
