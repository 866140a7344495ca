//! Why a batch was not applied.

use kernel::Partition;

/// Every one of these is answered the same way: drop the batch, read the cursors again, go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another replica holds the partition now, or the cursor is not where this batch begins. Nothing
    /// was written.
    #[error("partition {0} is leased to another replica")]
    Fenced(Partition),
    /// The consumer's database failed.
    #[error("the consumer's database failed")]
    Store(#[from] db::Error),
    /// The ledger ended the stream or cannot be reached.
    #[error("the ledger ended the stream")]
    Ledger(#[from] tonic::Status),
    /// An entry does not decode. A defect: ingest stores only what it parsed.
    #[error("entry {seq} of partition {partition} is corrupt")]
    Corrupt {
        /// Where it lies.
        partition: Partition,
        /// Where in it.
        seq: i64,
        /// What is wrong.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The consumer's own reason.
    #[error("the consumer refused the batch")]
    Consumer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    /// The value of `error.type` in spans: few, fixed words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Fenced(_) => "fenced",
            Self::Store(_) => "store",
            Self::Ledger(_) => "ledger",
            Self::Corrupt { .. } => "corrupt",
            Self::Consumer(_) => "consumer",
        }
    }
}
