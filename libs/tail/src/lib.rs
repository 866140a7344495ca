//! Consuming the ledger: stream, lease, cursor.
//!
//! A consumer implements [`Consumer`] and hands it to [`run`]. Partitions are leased in the consumer's
//! own database, so replicas share them and a paused one cannot write after it lost its lease; the
//! cursor moves in the transaction of the effect ([`Checkpoint::advance`]), so a crash anywhere repeats
//! work but never repeats effects.
#![deny(missing_docs)]

mod ahead;
mod batch;
mod checkpoint;
mod entity;
mod error;
mod lease;
mod migration;
mod progress;
mod replay;
mod run;

pub use batch::{Batch, Entry};
pub use checkpoint::{Checkpoint, Cursor};
pub use error::Error;
pub use migration::{CreateTailMember, CreateTailPartition};
pub use progress::Progress;
pub use replay::{Replay, Replayer};
pub use run::{Consumer, Settings, run};
