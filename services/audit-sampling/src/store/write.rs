//! A batch's draws and the cursor, together.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use tail::Checkpoint;

use super::{Store, row};
use crate::domain::{Drawn, Plan};

/// Drawn again by a replay: the row is the same, and what reviewers did to it since stays.
const INSERT_SAMPLES: &str = "INSERT INTO sample ({columns}) \
     SELECT {columns} FROM {rows} WHERE true ON CONFLICT (\"partition\", seq, plan_id) DO NOTHING";

const ADD_COUNTS: &str = "INSERT INTO stratum_count ({columns}) \
     SELECT {columns} FROM {rows} WHERE true \
     ON CONFLICT (\"partition\", workspace, plan_id, period_time, stratum) DO UPDATE SET \
     considered = stratum_count.considered + excluded.considered, \
     drawn = stratum_count.drawn + excluded.drawn";

impl Store {
    /// Writes what was drawn from a batch and moves the cursor past it: both, or neither.
    pub(crate) async fn record(
        &self,
        plan: &'static Plan,
        drawn: Drawn,
        checkpoint: Checkpoint,
    ) -> Result<(), tail::Error> {
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    // The fence first: a replica that lost its lease does no work in vain.
                    checkpoint.advance(txn).await?;
                    add(txn, plan, &drawn).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// The effect alone, inside the caller's transaction.
pub(super) async fn add(
    txn: &DatabaseTransaction,
    plan: &Plan,
    drawn: &Drawn,
) -> Result<(), DbErr> {
    let backend = txn.get_database_backend();
    if !drawn.samples.is_empty() {
        txn.execute_raw(row::samples(&drawn.samples).statement(backend, INSERT_SAMPLES)).await?;
    }
    if !drawn.counts.is_empty() {
        txn.execute_raw(row::counts(drawn, plan.id).statement(backend, ADD_COUNTS)).await?;
    }
    Ok(())
}
