//! Sharing the partitions among replicas, in the consumer's own database.
//!
//! Time is the database's, so that replicas with different clocks agree. A lease is renewed by
//! [`Leases::step`], taken by a conditional update that raises the epoch, and checked again by every
//! [`Checkpoint`](crate::Checkpoint): this module only decides who should try.

use std::collections::BTreeMap;
use std::time::Duration;

use db::Db;
use kernel::{PARTITIONS, Partition};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::Error;
use crate::entity::{member, partition};

/// What one replica holds.
pub(crate) struct Leases {
    db: Db,
    holder: i64,
    ttl: Duration,
}

/// A partition this replica may apply, and since which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) epoch: i64,
    pub(crate) seq: i64,
}

/// The outcome of a step.
pub(crate) struct Held {
    pub(crate) mine: BTreeMap<Partition, Lease>,
    /// Where every partition stands, whoever applies it.
    pub(crate) applied: Vec<(Partition, i64)>,
}

impl Leases {
    pub(crate) fn new(db: Db, holder: i64, ttl: Duration) -> Self {
        Self { db, holder, ttl }
    }

    /// Renews what is held, gives back what is more than a fair share, takes what is free.
    pub(crate) async fn step(&self) -> Result<Held, Error> {
        let (holder, ttl) = (self.holder, self.ttl);
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    let now = db::now(txn).await?;
                    let (now, until) = (now.micros(), now.plus(ttl).micros());
                    let alive = greet(txn, holder, now, until).await?;
                    let share = usize::from(PARTITIONS.unsigned_abs()).div_ceil(alive);
                    settle(txn, holder, share, now, until).await
                })
            })
            .await
    }

    /// Gives everything back at once, so that a successor need not wait for the leases to run out.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        let holder = self.holder;
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    let mine = Condition::all().add(partition::Column::Holder.eq(holder));
                    give_back(txn, mine).await?;
                    member::Entity::delete_by_id((0, holder)).exec(txn).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// Says that this replica lives and counts those that do.
async fn greet(
    txn: &DatabaseTransaction,
    holder: i64,
    now: i64,
    until: i64,
) -> Result<usize, Error> {
    use member::{ActiveModel, Column, Entity};
    let row = ActiveModel { partition: Set(0), holder: Set(holder), expires_time: Set(until) };
    let renew = OnConflict::columns([Column::Partition, Column::Holder])
        .update_column(Column::ExpiresTime)
        .to_owned();
    Entity::insert(row).on_conflict(renew).exec_without_returning(txn).await?;
    // Past those that a transaction holds: two replicas that wake up together would each wait for the
    // other's row, and all for one that stands still again.
    let find = Entity::find()
        .filter(Column::Partition.eq(0))
        .filter(Column::ExpiresTime.lt(now))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let gone: Vec<i64> = find.all(txn).await?.into_iter().map(|row| row.holder).collect();
    if !gone.is_empty() {
        let these = Entity::delete_many()
            .filter(Column::Partition.eq(0))
            .filter(Column::Holder.is_in(gone));
        these.exec(txn).await?;
    }
    let alive = Entity::find()
        .filter(Column::Partition.eq(0))
        .filter(Column::ExpiresTime.gte(now))
        .count(txn)
        .await?;
    Ok(usize::try_from(alive).unwrap_or(usize::MAX).max(1))
}

async fn settle(
    txn: &DatabaseTransaction,
    holder: i64,
    share: usize,
    now: i64,
    until: i64,
) -> Result<Held, Error> {
    use partition::{Column, Entity, Model};
    // In their order, so that which of them are given back does not depend on which are busy.
    let rows = Entity::find().order_by_asc(Column::Partition).all(txn).await?;
    let is_mine = |row: &Model| row.holder == Some(holder);
    let is_free = |row: &Model| row.holder.is_none() || row.expires_time < now;
    let mine: Vec<i16> = rows.iter().filter(|r| is_mine(r)).map(|r| r.partition).collect();

    let (keep, extra) = mine.split_at(mine.len().min(share));
    if !extra.is_empty() {
        let these = Condition::all()
            .add(Column::Partition.is_in(extra.iter().copied()))
            .add(Column::Holder.eq(holder));
        give_back(txn, these).await?;
    }
    if !keep.is_empty() {
        Entity::update_many()
            .col_expr(Column::ExpiresTime, Expr::value(until))
            .filter(Column::Partition.is_in(keep.iter().copied()))
            .filter(Column::Holder.eq(holder))
            .exec(txn)
            .await?;
    }
    let wanted: Vec<i16> = rows
        .iter()
        .filter(|r| !is_mine(r) && is_free(r))
        .map(|r| r.partition)
        .take(share.saturating_sub(keep.len()))
        .collect();
    let wanted = unlocked(txn, wanted).await?;
    if !wanted.is_empty() {
        // Conditional: of two replicas that saw the same free partition, one finds it taken.
        Entity::update_many()
            .col_expr(Column::Holder, Expr::value(holder))
            .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
            .col_expr(Column::ExpiresTime, Expr::value(until))
            .filter(Column::Partition.is_in(wanted))
            .filter(Condition::any().add(Column::Holder.is_null()).add(Column::ExpiresTime.lt(now)))
            .exec(txn)
            .await?;
    }

    let rows = Entity::find().all(txn).await?;
    let named = rows.iter().filter_map(|row| Some((Partition::new(row.partition)?, row)));
    Ok(Held {
        mine: named
            .clone()
            .filter(|(_, row)| is_mine(row))
            .map(|(partition, row)| (partition, Lease { epoch: row.epoch, seq: row.seq }))
            .collect(),
        applied: named.map(|(partition, row)| (partition, row.seq)).collect(),
    })
}

/// Those that no transaction holds. A replica that stands still in the middle of one holds its row until
/// the server ends it, and must not keep its successor from everything else.
async fn unlocked(txn: &DatabaseTransaction, wanted: Vec<i16>) -> Result<Vec<i16>, Error> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let find = partition::Entity::find()
        .filter(partition::Column::Partition.is_in(wanted))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    Ok(find.all(txn).await?.into_iter().map(|row| row.partition).collect())
}

async fn give_back(txn: &DatabaseTransaction, which: Condition) -> Result<(), Error> {
    partition::Entity::update_many()
        .col_expr(partition::Column::Holder, Expr::value(None::<i64>))
        .filter(which)
        .exec(txn)
        .await?;
    Ok(())
}
