//! What rollup keeps: blocks of cells, a number for every ticket, the steps that were corrected, and
//! rebuilds.

mod block;
mod corrected;
mod entity;
mod facts;
mod generations;
pub(crate) mod migration;
mod original;
mod packs;
mod read;
mod rebuild;
mod rebuild_row;
mod share_row;
mod share_sql;
mod shares;
mod sql;
#[cfg(feature = "testkit")]
pub mod suite;
#[cfg(feature = "testkit")]
pub mod suite_corrections;
#[cfg(feature = "testkit")]
pub mod suite_shares;
mod swap;
mod tiers;
mod together;
mod write;

use async_trait::async_trait;
use kernel::{Partition, Position, WorkspaceId};
use tail::Cursor;

use crate::domain::{AlignedWindow, Cell, Fact, Grain, Held};

pub(crate) use rebuild::Rebuilds;
pub(crate) use rebuild_row::{Claim, NewRebuild};
pub(crate) use shares::{Registered, Request, ShareStore};
pub(crate) use sql::SqlStore;
pub(crate) use swap::Seals;

/// A batch of one partition: what it says, and what moves with it.
pub(crate) struct Part {
    pub(crate) partition: Partition,
    pub(crate) facts: Vec<Fact>,
    pub(crate) cursor: Box<dyn Cursor>,
}

/// One method is one transaction, but for [`Store::apply`], which may share one.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Adds what a batch says and moves the cursor: both or neither, once. Batches of different partitions
    /// may be written together.
    ///
    /// # Errors
    /// [`tail::Error::Fenced`] when the cursor is no longer ours to move, [`tail::Error::Store`] when
    /// the database failed. Nothing was written then, but for a commit whose outcome is unknown, which
    /// the cursor tells.
    async fn apply(&self, part: Part) -> Result<(), tail::Error>;

    /// The cells of some windows, each with the number of its window and summed over it by dimension set,
    /// and the position they reflect: one consistent look. Cells of one grain: all of them tell the same.
    ///
    /// # Errors
    /// [`db::Error::Corrupt`] when a row does not hold what it should.
    async fn windows(
        &self,
        workspace: WorkspaceId,
        grain: Grain,
        windows: &[AlignedWindow],
    ) -> Result<Reading<(usize, Cell)>, db::Error>;

    /// Every cell that begins in a window, of all grains and lengths, one by one.
    ///
    /// # Errors
    /// As [`Store::windows`].
    async fn every(
        &self,
        workspace: WorkspaceId,
        window: &AlignedWindow,
    ) -> Result<Reading<Held>, db::Error>;

    /// The numbers of tickets, in their order; `None` for one never seen.
    ///
    /// # Errors
    /// As [`Store::windows`].
    async fn numbers(
        &self,
        workspace: WorkspaceId,
        tickets: Vec<String>,
    ) -> Result<Vec<Option<u32>>, db::Error>;
}

/// Cells at a position.
#[derive(Debug)]
pub(crate) struct Reading<C> {
    /// Everything up to here is in the cells, and nothing behind it.
    pub(crate) as_of: Position,
    /// None from which everything was taken back.
    pub(crate) cells: Vec<C>,
}
