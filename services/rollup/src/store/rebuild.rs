//! Rebuilds: begun between two batches of the consumer, replayed beside it, swapped in at once.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Timestamp, WorkspaceId};
use sea_orm::sea_query::{Cond, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::generations::Lane;
use super::rebuild_row::{COLUMNS, read};
use super::{Claim, NewRebuild, Seals, SqlStore, facts, swap};
use crate::domain::{Fact, Rebuild, RebuildState};

/// One method is one transaction.
#[async_trait]
pub(crate) trait Rebuilds: Send + Sync + 'static {
    /// Begins a rebuild, unless one runs or this request began one: then that is answered.
    ///
    /// # Errors
    /// When the database failed.
    async fn begin(&self, new: NewRebuild) -> Result<Rebuild, db::Error>;

    /// # Errors
    /// As [`Rebuilds::begin`].
    async fn find(&self, workspace: WorkspaceId, id: i64) -> Result<Option<Rebuild>, db::Error>;

    /// Takes a running rebuild that nobody else works on, for as long as `lease` says.
    ///
    /// # Errors
    /// As [`Rebuilds::begin`].
    async fn claim(&self, holder: i64, lease: Duration) -> Result<Option<Claim>, db::Error>;

    /// Adds what replayed entries say, up to `to`, to the generation that is built, and renews the lease.
    ///
    /// # Errors
    /// [`tail::Error::Fenced`] when another replica has taken over, or these were replayed before.
    async fn replay(
        &self,
        claim: &Claim,
        (from, to): (i64, i64),
        facts: Vec<Fact>,
        lease: Duration,
    ) -> Result<(), tail::Error>;

    /// Renews the lease of a claim: for work between two replays, or behind the last.
    ///
    /// # Errors
    /// As [`Rebuilds::replay`].
    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), tail::Error>;

    /// Seals the cells before and those that were built. Takes as long as there are cells.
    ///
    /// # Errors
    /// As [`Rebuilds::replay`].
    async fn seal(&self, claim: &Claim) -> Result<Seals, tail::Error>;

    /// Ends a rebuild: sealed and taking the place of the cells before, or given up where there are no seals.
    ///
    /// # Errors
    /// As [`Rebuilds::replay`].
    async fn end(
        &self,
        claim: &Claim,
        seals: Option<Seals>,
        at: Timestamp,
    ) -> Result<(), tail::Error>;
}

#[async_trait]
impl Rebuilds for SqlStore {
    async fn begin(&self, new: NewRebuild) -> Result<Rebuild, db::Error> {
        self.db.write(move |txn| Box::pin(begin(txn, new))).await
    }

    async fn find(&self, workspace: WorkspaceId, id: i64) -> Result<Option<Rebuild>, db::Error> {
        let find = of(workspace).and_where(Expr::col("rebuild_id").eq(id)).to_owned();
        let row = self.db.reader().query_one(&find).await?;
        row.as_ref().map(read).transpose()
    }

    async fn claim(&self, holder: i64, lease: Duration) -> Result<Option<Claim>, db::Error> {
        let now = db::now(self.db.reader()).await?;
        let free = || {
            Cond::any()
                .add(Expr::col("holder").is_null())
                .add(Expr::col("holder").eq(holder))
                .add(Expr::col("expires_time").lt(now.micros()))
        };
        let find = Query::select()
            .columns(COLUMNS)
            .from("rebuild")
            .and_where(Expr::col("state").eq(RebuildState::Running.as_str()))
            .cond_where(free())
            .order_by("start_time", sea_orm::sea_query::Order::Asc)
            .limit(1)
            .to_owned();
        let Some(row) = self.db.reader().query_one(&find).await? else { return Ok(None) };
        let rebuild = read(&row)?;
        // Conditional: of two replicas that saw the same one, one finds it taken.
        let take = Query::update()
            .table("rebuild")
            .value("holder", holder)
            .value("expires_time", now.plus(lease).micros())
            .and_where(Expr::col("partition").eq(rebuild.workspace.partition().get()))
            .and_where(Expr::col("workspace").eq(rebuild.workspace.get()))
            .and_where(Expr::col("rebuild_id").eq(rebuild.id))
            .and_where(Expr::col("state").eq(RebuildState::Running.as_str()))
            .and_where(Expr::col("seq").eq(rebuild.done))
            .cond_where(free())
            .to_owned();
        let taken = self
            .db
            .write::<_, u64, db::Error>(move |txn| {
                Box::pin(async move { Ok(txn.execute(&take).await?.rows_affected()) })
            })
            .await?;
        Ok((taken == 1).then_some(Claim { rebuild, holder }))
    }

    async fn replay(
        &self,
        claim: &Claim,
        (from, to): (i64, i64),
        facts: Vec<Fact>,
        lease: Duration,
    ) -> Result<(), tail::Error> {
        let claim = claim.clone();
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    let workspace = claim.rebuild.workspace;
                    let partition = workspace.partition();
                    // The consumer writes to the same cells: one of the two at a time.
                    facts::hold(txn, partition).await?;
                    let until = db::now(txn).await?.plus(lease);
                    let mut advance = swap::mine(&claim);
                    advance
                        .value("seq", to)
                        .value("expires_time", until.micros())
                        .and_where(Expr::col("seq").eq(from));
                    if txn.execute(&advance).await?.rows_affected() != 1 {
                        return Err(tail::Error::Fenced(partition));
                    }
                    let built = swap::generation(txn, workspace).await?.building;
                    let built = built.ok_or(tail::Error::Fenced(partition))?;
                    let lane = Lane::only(workspace, built);
                    facts::write(txn, &lane, &facts).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), tail::Error> {
        let claim = claim.clone();
        self.db
            .write(move |txn| {
                Box::pin(async move {
                    let until = db::now(txn).await?.plus(lease);
                    let renew = swap::mine(&claim).value("expires_time", until.micros()).to_owned();
                    match txn.execute(&renew).await?.rows_affected() {
                        1 => Ok(()),
                        _ => Err(tail::Error::Fenced(claim.rebuild.workspace.partition())),
                    }
                })
            })
            .await
    }

    async fn seal(&self, claim: &Claim) -> Result<Seals, tail::Error> {
        swap::seals(&self.db, claim.rebuild.workspace).await
    }

    async fn end(
        &self,
        claim: &Claim,
        seals: Option<Seals>,
        at: Timestamp,
    ) -> Result<(), tail::Error> {
        let workspace = claim.rebuild.workspace;
        let claim = claim.clone();
        let gone = self
            .db
            .write(move |txn| Box::pin(async move { swap::end(txn, &claim, seals, at).await }))
            .await?;
        // Nobody reads these any more: their going need not hold the consumer up.
        self.db.write(move |txn| Box::pin(swap::drop_one(txn, workspace, gone))).await?;
        Ok(())
    }
}

async fn begin(txn: &DatabaseTransaction, new: NewRebuild) -> Result<Rebuild, db::Error> {
    let workspace = new.workspace;
    let partition = workspace.partition();
    // Behind the consumer's last batch and before its next: from that one on it writes to both.
    let until = facts::hold(txn, partition).await?;
    let same = of(workspace).and_where(Expr::col("request_id").eq(&new.request_id)).to_owned();
    let running =
        of(workspace).and_where(Expr::col("state").eq(RebuildState::Running.as_str())).to_owned();
    for known in [same, running] {
        if let Some(row) = txn.query_one(&known).await? {
            return read(&row);
        }
    }
    let live = swap::generation(txn, workspace).await?.live;
    swap::build(txn, workspace, live, live + 1).await?;
    let rebuild = Rebuild {
        id: new.id,
        workspace,
        state: RebuildState::Running,
        reason: new.reason,
        done: 0,
        until,
        start: new.at,
        end: None,
        digest_before: String::new(),
        digest_after: String::new(),
    };
    let insert = Query::insert()
        .into_table("rebuild")
        .columns([
            "partition",
            "workspace",
            "rebuild_id",
            "request_id",
            "reason",
            "state",
            "seq",
            "until_seq",
            "start_time",
            "digest_before",
            "digest_after",
            "expires_time",
        ])
        .values_panic([
            partition.get().into(),
            workspace.get().into(),
            rebuild.id.into(),
            new.request_id.into(),
            rebuild.reason.clone().into(),
            RebuildState::Running.as_str().into(),
            0i64.into(),
            until.into(),
            new.at.micros().into(),
            "".into(),
            "".into(),
            0i64.into(),
        ])
        .to_owned();
    txn.execute(&insert).await?;
    Ok(rebuild)
}

fn of(workspace: WorkspaceId) -> SelectStatement {
    Query::select()
        .columns(COLUMNS)
        .from("rebuild")
        .and_where(Expr::col("partition").eq(workspace.partition().get()))
        .and_where(Expr::col("workspace").eq(workspace.get()))
        .to_owned()
}
