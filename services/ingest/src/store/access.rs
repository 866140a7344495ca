//! Workspaces and keys.

use db::Db;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::entity::{api_key, workspace};
use super::workspace::{hold, read, to_row};
use crate::domain::{Keep, KeyId, KeyRecord, Scope, Scopes, Workspace};

/// Where workspaces and keys lie.
#[derive(Clone)]
pub(crate) struct AccessStore(pub(crate) Db);

/// What became of a workspace that was to be created.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    New,
    /// It stood already; this is how.
    Stood(Workspace),
}

/// What became of a key that was to be revoked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Revoked {
    /// As it is now. The first revocation stands.
    Done(KeyRecord),
    /// It stands: no other key of the workspace could administer.
    LastAdmin,
    /// There is no such key in the workspace.
    Nowhere,
}

impl AccessStore {
    /// Writes a workspace and its first key, both or neither; finds the one that stands already.
    pub(crate) async fn create(
        &self,
        new: Workspace,
        key: KeyRecord,
    ) -> Result<Created, db::Error> {
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    let inserted = workspace::Entity::insert(to_row(&new))
                        .on_conflict(
                            OnConflict::columns([
                                workspace::Column::Partition,
                                workspace::Column::Workspace,
                            ])
                            .do_nothing()
                            .to_owned(),
                        )
                        .exec_without_returning(txn)
                        .await?;
                    if inserted == 0 {
                        let standing = read(txn, new.id).await?;
                        let standing = standing
                            .ok_or_else(|| db::Error::corrupt("workspace", "workspace", new.id))?;
                        return Ok(Created::Stood(standing));
                    }
                    insert_key(txn, key).await?;
                    Ok(Created::New)
                })
            })
            .await
    }

    pub(crate) async fn find(&self, id: WorkspaceId) -> Result<Option<Workspace>, db::Error> {
        read(self.0.reader(), id).await
    }

    /// Whether there is no workspace at all: a fresh install.
    pub(crate) async fn is_empty(&self) -> Result<bool, db::Error> {
        Ok(workspace::Entity::find().limit(1).count(self.0.reader()).await? == 0)
    }

    pub(crate) async fn add_key(&self, key: KeyRecord) -> Result<(), db::Error> {
        self.0.write(move |txn| Box::pin(async move { insert_key(txn, key).await })).await
    }

    pub(crate) async fn find_key(&self, id: KeyId) -> Result<Option<KeyRecord>, db::Error> {
        let row = api_key::Entity::find_by_id((id.partition().get(), id.to_row()))
            .one(self.0.reader())
            .await?;
        row.map(key_from_row).transpose()
    }

    /// Revokes a key of `workspace`, unless that would leave less than `keep`.
    pub(crate) async fn revoke(
        &self,
        workspace: WorkspaceId,
        id: KeyId,
        at: Timestamp,
        keep: Keep,
    ) -> Result<Revoked, db::Error> {
        use api_key::Column;
        self.0
            .write(move |txn| {
                Box::pin(async move {
                    if keep == Keep::AnAdmin && is_last_admin(txn, workspace, id, at).await? {
                        return Ok(Revoked::LastAdmin);
                    }
                    api_key::Entity::update_many()
                        .col_expr(Column::RevokedTime, Expr::value(at.micros()))
                        .filter(Column::Partition.eq(id.partition().get()))
                        .filter(Column::KeyId.eq(id.to_row()))
                        .filter(Column::Workspace.eq(workspace.get()))
                        .filter(Column::RevokedTime.is_null())
                        .exec(txn)
                        .await?;
                    let row = api_key::Entity::find_by_id((id.partition().get(), id.to_row()))
                        .filter(Column::Workspace.eq(workspace.get()))
                        .one(txn)
                        .await?;
                    let key = row.map(key_from_row).transpose()?;
                    Ok(key.map_or(Revoked::Nowhere, Revoked::Done))
                })
            })
            .await
    }

    /// Keys of a workspace, oldest first, behind `after`.
    pub(crate) async fn keys(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, KeyId)>,
        limit: u64,
    ) -> Result<Vec<KeyRecord>, db::Error> {
        use api_key::Column;
        let mut query = api_key::Entity::find().filter(Column::Workspace.eq(workspace.get()));
        if let Some((created, id)) = after {
            let later = Column::CreatedTime.gt(created.micros());
            let same = Column::CreatedTime.eq(created.micros()).and(Column::KeyId.gt(id.to_row()));
            query = query.filter(later.or(same));
        }
        let rows = query
            .order_by_asc(Column::CreatedTime)
            .order_by_asc(Column::KeyId)
            .limit(limit)
            .all(self.0.reader())
            .await?;
        rows.into_iter().map(key_from_row).collect()
    }
}

/// Whether `id` is the only key of `workspace` that may administer at `at`.
async fn is_last_admin(
    txn: &DatabaseTransaction,
    workspace: WorkspaceId,
    id: KeyId,
    at: Timestamp,
) -> Result<bool, db::Error> {
    use api_key::Column;
    // Revocations wait for one another: two admins that revoke each other at once would both find the
    // other standing.
    hold(txn, workspace).await?;
    let valid = Column::ExpiresTime.is_null().or(Column::ExpiresTime.gt(at.micros()));
    let rows = api_key::Entity::find()
        .filter(Column::Workspace.eq(workspace.get()))
        .filter(Column::RevokedTime.is_null())
        .filter(valid)
        .all(txn)
        .await?;
    let mut admins = rows
        .into_iter()
        .filter(|row| Scopes::from_bits(row.scopes).iter().any(|scope| scope == Scope::Admin))
        .map(|row| KeyId::from_row(row.key_id));
    Ok(admins.next() == Some(id) && admins.next().is_none())
}

pub(super) async fn insert_key(txn: &DatabaseTransaction, key: KeyRecord) -> Result<(), db::Error> {
    let row = api_key::ActiveModel {
        partition: Set(key.id.partition().get()),
        key_id: Set(key.id.to_row()),
        workspace: Set(key.workspace.get()),
        name: Set(key.name),
        scopes: Set(key.scopes.bits()),
        digest: Set(key.digest.to_vec()),
        created_time: Set(key.created.micros()),
        expires_time: Set(key.expires.map(Timestamp::micros)),
        revoked_time: Set(key.revoked.map(Timestamp::micros)),
        last_used_time: Set(key.last_used.map(Timestamp::micros)),
    };
    api_key::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

pub(super) fn key_from_row(row: api_key::Model) -> Result<KeyRecord, db::Error> {
    let id = KeyId::from_row(row.key_id);
    let corrupt = |column| db::Error::corrupt("api_key", column, id);
    Ok(KeyRecord {
        workspace: WorkspaceId::new(row.workspace).ok_or_else(|| corrupt("workspace"))?,
        scopes: Scopes::from_bits(row.scopes),
        digest: row.digest.as_slice().try_into().map_err(|_| corrupt("digest"))?,
        created: Timestamp::from_micros(row.created_time),
        expires: row.expires_time.map(Timestamp::from_micros),
        revoked: row.revoked_time.map(Timestamp::from_micros),
        last_used: row.last_used_time.map(Timestamp::from_micros),
        name: row.name,
        id,
    })
}
