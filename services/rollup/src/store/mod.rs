//! What rollup keeps: cells, the dimension sets that name them, and a number for every ticket.

mod digest;
pub(crate) mod migration;
mod read;
mod sql;
#[cfg(feature = "testkit")]
pub mod suite;
mod write;

use async_trait::async_trait;
use kernel::{Partition, Position, WorkspaceId};
use tail::Cursor;

use crate::domain::{AlignedWindow, Cell, Deltas};

pub(crate) use sql::SqlStore;

/// One method is one transaction.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Adds a batch's deltas and moves the cursor: both or neither, once.
    ///
    /// # Errors
    /// [`tail::Error::Fenced`] when the cursor is no longer ours to move, [`tail::Error::Store`] when
    /// the database failed. Nothing was written then, but for a commit whose outcome is unknown, which
    /// the cursor tells.
    async fn apply(
        &self,
        partition: Partition,
        deltas: Deltas,
        cursor: Box<dyn Cursor>,
    ) -> Result<(), tail::Error>;

    /// The cells of a window, and the position they reflect: one consistent look.
    ///
    /// # Errors
    /// [`db::Error::Corrupt`] when a row does not hold what it should.
    async fn read(
        &self,
        workspace: WorkspaceId,
        window: &AlignedWindow,
    ) -> Result<Reading, db::Error>;
}

/// The cells of a window.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Everything up to here is in the cells, and nothing behind it.
    pub(crate) as_of: Position,
    /// One per dimension set, summed over the window.
    pub(crate) cells: Vec<Cell>,
}
