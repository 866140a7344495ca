//! The installation's secret: made once, by whoever comes first.

use kernel::IdSource;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::entity::install_secret::{ActiveModel, Column, Entity};
use super::{Error, Store};
use crate::domain::Secret;

const PARTITION: i16 = 0;

impl Store {
    /// The secret of this installation. Replicas that start together agree on one.
    pub(crate) async fn secret(&self, ids: &dyn IdSource) -> Result<Secret, Error> {
        if let Some(secret) = self.find_secret().await? {
            return Ok(secret);
        }
        let mut fresh = [0; Secret::LEN];
        ids.fill(&mut fresh);
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    let row =
                        ActiveModel { partition: Set(PARTITION), secret: Set(fresh.to_vec()) };
                    let first_wins = OnConflict::column(Column::Partition).do_nothing().to_owned();
                    Entity::insert(row).on_conflict(first_wins).exec_without_returning(txn).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        let stored = self.find_secret().await?;
        stored.ok_or_else(|| Error::corrupt("install_secret", "secret", PARTITION))
    }

    async fn find_secret(&self) -> Result<Option<Secret>, Error> {
        let Some(row) = Entity::find_by_id(PARTITION).one(self.db.reader()).await? else {
            return Ok(None);
        };
        let bytes = row.secret.try_into();
        let bytes = bytes.map_err(|_| Error::corrupt("install_secret", "secret", PARTITION))?;
        Ok(Some(Secret::new(bytes)))
    }
}
