//! Moving the cursor together with the effects.

use async_trait::async_trait;
use kernel::Partition;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};

use crate::Error;
use crate::entity::partition::{Column, Entity};

/// The right to move one partition's cursor from where a batch (or a portion of one) begins to where it
/// ends, once.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    pub(crate) partition: Partition,
    pub(crate) holder: i64,
    pub(crate) epoch: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What moves in the transaction of a batch's effects, or refuses them: a [`Checkpoint`], and in the
/// tests of a store whatever they need it to be.
#[async_trait]
pub trait Cursor: Send + Sync + 'static {
    /// As [`Checkpoint::advance`].
    async fn advance(&self, txn: &DatabaseTransaction) -> Result<(), Error>;
}

#[async_trait]
impl Cursor for Checkpoint {
    async fn advance(&self, txn: &DatabaseTransaction) -> Result<(), Error> {
        Checkpoint::advance(self, txn).await
    }
}

impl Checkpoint {
    /// The partition.
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// Seq the cursor will stand at.
    pub const fn to(&self) -> i64 {
        self.to
    }

    /// Moves the cursor inside the transaction that writes the batch's effects.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the lease was lost or the batch was applied before: return it, so that the
    /// transaction rolls back and nothing is written twice. [`Error::Store`] when the database failed.
    pub async fn advance(&self, txn: &DatabaseTransaction) -> Result<(), Error> {
        let moved = Entity::update_many()
            .col_expr(Column::Seq, Expr::value(self.to))
            .filter(Column::Partition.eq(self.partition.get()))
            .filter(Column::Seq.eq(self.from))
            .filter(Column::Epoch.eq(self.epoch))
            .filter(Column::Holder.eq(self.holder))
            .exec(txn)
            .await?;
        // Trust the row count, not the lease this process remembers: it may have slept past it.
        if moved.rows_affected == 1 { Ok(()) } else { Err(Error::Fenced(self.partition)) }
    }
}
