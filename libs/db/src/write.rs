//! One piece of work, from BEGIN to COMMIT in a task its caller cannot cancel.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait,
};

use crate::{Db, Error, Work, bulk, group};

impl Db {
    /// Runs `work` in a transaction: commits when it answers `Ok`, rolls back when it answers `Err`
    /// or panics. `Ok` means the rows are on disk.
    ///
    /// On SQLite, works that wait for the writer share the next COMMIT, and every answer comes after
    /// it. They run one after the other, first come, first served; each sees what those before it
    /// wrote, and is rolled back alone. On PostgreSQL each has a transaction of its own.
    ///
    /// The work goes on when the caller is dropped: a client that hangs up decides nothing about
    /// what is written, and no transaction is left half open. Let it be short, and let it do
    /// nothing but talk to the database: on SQLite it holds the only writer, and what it waits for
    /// must not be the answer of another write.
    ///
    /// # Errors
    /// Those of `work`, and [`Error`]: `Unavailable` when no transaction could be begun or the
    /// server rolled it back, `Unknown` when the connection broke during COMMIT.
    pub async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(
                &'t DatabaseTransaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
            + Send
            + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        // In line before anything is awaited: the order is that of the calls.
        let turn = self.turn();
        detached(async move {
            let turn = turn.await?;
            match work(turn.txn()).await {
                Ok(value) => {
                    turn.commit().await?;
                    Ok(value)
                }
                Err(err) => {
                    turn.rollback().await?;
                    Err(err)
                }
            }
        })
        .await
    }

    /// The same for work that is statements over rows and nothing else, without the ORM in between: for
    /// the few places where its copies of every value are most of the cost.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_rows<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(
                &'t mut bulk::Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
            + Send
            + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let db = self.clone();
        detached(async move {
            let mut txn = bulk::Transaction::begin(&db).await?;
            match work(&mut txn).await {
                Ok(value) => {
                    txn.commit().await?;
                    Ok(value)
                }
                Err(err) => {
                    told(txn.rollback().await);
                    Err(err)
                }
            }
        })
        .await
    }

    /// Statements over rows that only read: all of them see the database as it was at the first.
    ///
    /// # Errors
    /// As [`Db::write`], but for what concerns COMMIT.
    pub async fn read_rows<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(
                &'t mut bulk::Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
            + Send
            + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let db = self.clone();
        detached(async move {
            let mut txn = bulk::Transaction::begin_reading(&db).await?;
            let read = work(&mut txn).await;
            told(txn.rollback().await);
            read
        })
        .await
    }

    fn turn(&self) -> Work<'static, Turn, Error> {
        if let Some(line) = &self.inner().line {
            let turn = line.turn();
            return Box::pin(async { Ok(Turn::Shared(turn.await?)) });
        }
        let writer = self.inner().writer.clone();
        Box::pin(async move { Ok(Turn::Alone(writer.begin().await?)) })
    }
}

/// Where a work writes.
enum Turn {
    /// In a transaction of its own.
    Alone(DatabaseTransaction),
    /// In its part of one that others write in too.
    Shared(group::Turn),
}

impl Turn {
    fn txn(&self) -> &DatabaseTransaction {
        match self {
            Self::Alone(txn) => txn,
            Self::Shared(turn) => turn.txn(),
        }
    }

    fn commit(self) -> Work<'static, (), Error> {
        match self {
            Self::Alone(txn) => Box::pin(commit(txn)),
            Self::Shared(turn) => turn.commit(),
        }
    }

    /// Fails where the error of the work is not the whole truth.
    fn rollback(self) -> Work<'static, (), Error> {
        match self {
            Self::Alone(txn) => Box::pin(async {
                told(txn.rollback().await);
                Ok(())
            }),
            Self::Shared(turn) => turn.rollback(),
        }
    }
}

/// Runs `work` in a task its caller cannot cancel.
async fn detached<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(err) => match err.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => {
                let why = "the runtime stopped while the transaction ran";
                Err(Error::Unknown(DbErr::Custom(why.into())).into())
            }
        },
    }
}

/// The connection is rolled back or thrown away before it is lent again.
pub(crate) fn told<E: std::fmt::Display>(rolled_back: Result<(), E>) {
    if let Err(error) = rolled_back {
        tracing::debug!(%error, "rollback failed");
    }
}

/// On PostgreSQL.
async fn commit(txn: DatabaseTransaction) -> Result<(), Error> {
    // COMMIT of a transaction that a failed statement aborted answers ROLLBACK, which the driver
    // reports as success. Work that swallowed such an error would be acknowledged and lost; any
    // statement at all brings the error (25P02) to light.
    txn.execute_raw(Statement::from_string(DbBackend::Postgres, "SELECT 1")).await?;
    txn.commit().await.map_err(Error::at_commit)
}
