//! The catalog as last seen, as the bytes it came in.

use db::Db;
use db::bulk::Rows;
use kernel::{Partition, Position};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::catalog_copy;

/// Where the copy lies.
#[derive(Clone)]
pub(crate) struct CatalogCopyStore(pub(crate) Db);

impl CatalogCopyStore {
    /// Everything kept: built-ins first, then changes in the order of their log. Built-ins have no position.
    pub(crate) async fn load(&self) -> Result<Vec<(Option<Position>, Vec<u8>)>, db::Error> {
        use catalog_copy::Column;
        let rows = catalog_copy::Entity::find()
            .order_by_asc(Column::Partition)
            .order_by_asc(Column::Seq)
            .all(self.0.reader())
            .await?;
        rows.into_iter()
            .map(|row| {
                let partition = Partition::new(row.partition)
                    .ok_or_else(|| db::Error::corrupt("catalog_copy", "partition", row.seq))?;
                let position = Position { partition, seq: row.seq };
                Ok(((row.seq > 0).then_some(position), row.change))
            })
            .collect()
    }

    /// Keeps changes; one kept before is left as it is.
    pub(crate) async fn keep(&self, changes: Vec<(Position, Vec<u8>)>) -> Result<(), db::Error> {
        let (positions, bytes): (Vec<Position>, Vec<Vec<u8>>) = changes.into_iter().unzip();
        self.insert(positions, bytes, None).await
    }

    /// Replaces all built-ins.
    pub(crate) async fn keep_built_ins(&self, changes: Vec<Vec<u8>>) -> Result<(), db::Error> {
        let partition = Partition::all().next().expect("there are 64");
        let places = (1..).map(|n: i64| Position { partition, seq: -n });
        let positions = places.take(changes.len()).collect();
        self.insert(positions, changes, Some(partition)).await
    }

    /// Forgets everything: the catalog it was copied from is gone.
    pub(crate) async fn forget(&self) -> Result<(), db::Error> {
        self.0
            .write(|txn| {
                Box::pin(async move {
                    catalog_copy::Entity::delete_many().exec(txn).await?;
                    Ok::<_, db::Error>(())
                })
            })
            .await
    }

    async fn insert(
        &self,
        positions: Vec<Position>,
        changes: Vec<Vec<u8>>,
        clear_built_ins: Option<Partition>,
    ) -> Result<(), db::Error> {
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    if let Some(partition) = clear_built_ins {
                        catalog_copy::Entity::delete_many()
                            .filter(catalog_copy::Column::Partition.eq(partition.get()))
                            .filter(catalog_copy::Column::Seq.lt(0))
                            .exec(txn)
                            .await?;
                    }
                    let statement = Rows::new()
                        .int(
                            "partition",
                            positions.iter().map(|p| p.partition.get().into()).collect(),
                        )
                        .int("seq", positions.iter().map(|p| p.seq).collect())
                        .bytes("change", changes)
                        .statement(
                            txn.get_database_backend(),
                            "INSERT INTO catalog_copy ({columns}) SELECT {columns} FROM {rows} \
                             WHERE true ON CONFLICT (partition, seq) DO NOTHING",
                        );
                    txn.execute_raw(statement).await?;
                    Ok::<_, db::Error>(())
                })
            })
            .await
    }
}
