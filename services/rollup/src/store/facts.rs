//! Facts become deltas: steps as they are, corrections by what is known of the step they correct.

use kernel::Partition;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::generations::Lane;
use super::{corrected, write};
use crate::domain::{Correction, Fact, Folder};

/// Writes the facts of a lane, whatever partitions they are of.
pub(super) async fn write(
    txn: &DatabaseTransaction,
    lane: &Lane,
    facts: impl IntoIterator<Item = &Fact>,
) -> Result<(), db::Error> {
    let mut folder = Folder::default();
    let mut corrections: Vec<&Correction> = Vec::new();
    for fact in facts {
        match fact {
            Fact::Step(step) if lane.takes(step.workspace) => folder.add(step, 1),
            Fact::Correction(correction) if lane.takes(correction.workspace) => {
                corrections.push(correction);
            }
            Fact::Step(_) | Fact::Correction(_) => {}
        }
    }
    if !corrections.is_empty() {
        corrected::learn(txn, lane, &corrections, &mut folder).await?;
    }
    write::folded(txn, lane, &folder.finish()).await
}

/// Holds the cursor of a partition until the commit, so that its consumer waits; answers where it stands.
pub(super) async fn hold(
    txn: &DatabaseTransaction,
    partition: Partition,
) -> Result<i64, db::Error> {
    let hold = Query::update()
        .table("tail_partition")
        .value("seq", Expr::col("seq"))
        .and_where(Expr::col("partition").eq(partition.get()))
        .returning(Query::returning().column("seq"))
        .to_owned();
    let missing = || db::Error::corrupt("tail_partition", "partition", partition);
    Ok(txn.query_one(&hold).await?.ok_or_else(missing)?.try_get("", "seq")?)
}
