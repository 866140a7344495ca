//! One transaction, from BEGIN to COMMIT in a task its caller cannot cancel.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use crate::{Db, Error, bulk};

impl Db {
    /// Runs `work` in a transaction of its own: commits when it answers `Ok`, rolls back when it
    /// answers `Err` or panics. `Ok` means the rows are on disk.
    ///
    /// The work goes on when the caller is dropped: a client that hangs up decides nothing about
    /// what is written, and no transaction is left half open. Let it be short, and let it do
    /// nothing but talk to the database: on SQLite it holds the only writer.
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
        let db = self.clone();
        detached(async move {
            let txn = db.begin().await?;
            match work(&txn).await {
                Ok(value) => {
                    commit(txn).await?;
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

    async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        // IMMEDIATE takes SQLite's write lock at once. A transaction that reads first and wants the
        // lock later can be refused in a way no timeout cures.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(self.inner().writer.begin_with_options(options).await?)
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
fn told<E: std::fmt::Display>(rolled_back: Result<(), E>) {
    if let Err(error) = rolled_back {
        tracing::debug!(%error, "rollback failed");
    }
}

async fn commit(txn: DatabaseTransaction) -> Result<(), Error> {
    if txn.get_database_backend() == DbBackend::Postgres {
        // COMMIT of a transaction that a failed statement aborted answers ROLLBACK, which the
        // driver reports as success. Work that swallowed such an error would be acknowledged and
        // lost; any statement at all brings the error (25P02) to light.
        txn.execute_raw(Statement::from_string(DbBackend::Postgres, "SELECT 1")).await?;
    }
    txn.commit().await.map_err(Error::at_commit)
}
