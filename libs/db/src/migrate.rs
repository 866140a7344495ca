//! Bringing a context's tables to the version the binary knows, and refusing to run on any other.

use std::collections::BTreeSet;

use sea_orm::{EntityTrait, SqlxPostgresConnector};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigratorTrait, SchemaManager, seaql_migrations,
};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};

use crate::error::sqlstate;
use crate::{Db, Error, Work, postgres};

/// How long a migration waits for another process's to end.
const LOCK_TIMEOUT: &str = "600s";

/// The tables are not what the binary needs.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Migrations the binary knows are not applied.
    #[error("{context} in {address} needs {}. Run `tally migrate`, then start again", list(names))]
    Pending {
        /// The context.
        context: &'static str,
        /// The address, without its password.
        address: String,
        /// In the order they will be applied.
        names: Vec<String>,
    },
    /// Migrations are applied that the binary does not know.
    #[error(
        "{context} in {address} has {}, which this tally does not know. It was made by a newer \
         tally (run that one), or belongs to another context: on SQLite give each context a file \
         of its own, on PostgreSQL a schema. `tally migrate` will not touch it",
        list(names)
    )]
    Unknown {
        /// The context.
        context: &'static str,
        /// The address, without its password.
        address: String,
        /// By name.
        names: Vec<String>,
    },
    /// Another process has been migrating for ten minutes.
    #[error(
        "another process is migrating {context} in {address} and does not end. Look for it, then \
         try again"
    )]
    Locked {
        /// The context.
        context: &'static str,
        /// The address, without its password.
        address: String,
    },
    /// The database failed. What was applied so far stands; `tally migrate` goes on from there.
    #[error("could not read or change the tables of {context} in {address}: {}", cause(source))]
    Failed {
        /// The context.
        context: &'static str,
        /// The address, without its password.
        address: String,
        /// What failed.
        source: Error,
    },
}

fn list(names: &[String]) -> String {
    let noun = if names.len() == 1 { "migration" } else { "migrations" };
    format!("{noun} {}", names.join(", "))
}

/// At a start-up there is one reader, the operator: the driver's words help, and hold no secrets.
fn cause(err: &Error) -> String {
    match err {
        Error::Conflict(err)
        | Error::Unavailable(err)
        | Error::Unknown(err)
        | Error::Other(err) => err.to_string(),
        Error::Corrupt { .. } => err.to_string(),
    }
}

/// How the recorded migrations differ from the binary's.
struct Difference {
    pending: Vec<String>,
    unknown: Vec<String>,
}

impl Db {
    /// Applies what is pending, one process at a time, and refuses a database that has unknown
    /// migrations. Safe to call from any number of processes at once.
    pub async fn migrate<M: MigratorTrait + 'static>(&self) -> Result<(), SchemaError> {
        match &self.inner().postgres {
            Some(options) => self.migrate_postgres::<M>(options).await,
            None => self.migrate_sqlite::<M>().await,
        }
    }

    /// Refuses pending and unknown migrations. Changes nothing.
    pub async fn verify<M: MigratorTrait>(&self) -> Result<(), SchemaError> {
        let Difference { pending, unknown } =
            difference::<M>(self.reader()).await.map_err(|err| self.failed(err))?;
        self.refuse_unknown(unknown)?;
        if pending.is_empty() {
            return Ok(());
        }
        let (context, address) = self.names();
        Err(SchemaError::Pending { context, address, names: pending })
    }

    async fn migrate_postgres<M: MigratorTrait>(
        &self,
        options: &PgConnectOptions,
    ) -> Result<(), SchemaError> {
        // The lock lives in a session of its own, and ends with it however this ends.
        let mut lock = self.migration_lock(options).await?;
        // A pool of its own too: a migration may take longer than any statement of a service.
        let pool = postgres::pool(options.clone(), 1, &self.inner().past);
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        let applied = async {
            let found = difference::<M>(&connection).await.map_err(|err| self.failed(err))?;
            self.refuse_unknown(found.unknown)?;
            M::up(&connection, None).await.map_err(|err| self.failed(err.into()))
        }
        .await;
        pool.close().await;
        if let Err(error) = lock.execute("SELECT pg_advisory_unlock_all()").await {
            tracing::debug!(%error, "the migration lock ended with its session");
        }
        applied
    }

    fn migration_lock<'d>(
        &'d self,
        options: &'d PgConnectOptions,
    ) -> Work<'d, PgConnection, SchemaError> {
        Box::pin(async {
            let options = options.clone().options([("statement_timeout", LOCK_TIMEOUT)]);
            let lock = PgConnection::connect_with(&options).await;
            let mut lock = lock.map_err(|err| self.failed(err.into()))?;
            let sql = "SELECT pg_advisory_lock(hashtext('tally migrate'), hashtext($1))";
            match sqlx::query(sql).bind(self.inner().context).execute(&mut lock).await {
                Ok(_) => Ok(lock),
                Err(err) if sqlstate(&err).as_deref() == Some("57014") => {
                    let (context, address) = self.names();
                    Err(SchemaError::Locked { context, address })
                }
                Err(err) => Err(self.failed(err.into())),
            }
        })
    }

    /// In one transaction: its write lock is the lock between processes, and a migration that fails
    /// leaves nothing behind.
    async fn migrate_sqlite<M: MigratorTrait + 'static>(&self) -> Result<(), SchemaError> {
        let unknown = self
            .write(|txn| {
                Box::pin(async move {
                    let found = difference::<M>(txn).await?;
                    if found.unknown.is_empty() {
                        M::up(txn, None).await?;
                    }
                    Ok::<_, Error>(found.unknown)
                })
            })
            .await
            .map_err(|err| self.failed(err))?;
        self.refuse_unknown(unknown)
    }

    fn refuse_unknown(&self, names: Vec<String>) -> Result<(), SchemaError> {
        if names.is_empty() {
            return Ok(());
        }
        let (context, address) = self.names();
        Err(SchemaError::Unknown { context, address, names })
    }

    fn failed(&self, source: Error) -> SchemaError {
        let (context, address) = self.names();
        SchemaError::Failed { context, address, source }
    }

    fn names(&self) -> (&'static str, String) {
        (self.inner().context, self.inner().address.clone())
    }
}

async fn difference<'c, M: MigratorTrait>(
    connection: impl IntoSchemaManagerConnection<'c>,
) -> Result<Difference, Error> {
    let known: Vec<String> = M::migrations().iter().map(|m| m.name().to_owned()).collect();
    let recorded = recorded(&SchemaManager::new(connection)).await?;
    Ok(Difference {
        pending: known.iter().filter(|name| !recorded.contains(*name)).cloned().collect(),
        unknown: recorded.into_iter().filter(|name| !known.contains(name)).collect(),
    })
}

/// Creates nothing, unlike the library's own listing: a role that may only read can verify.
fn recorded<'m>(manager: &'m SchemaManager<'_>) -> Work<'m, BTreeSet<String>, Error> {
    Box::pin(async {
        if !manager.has_table("seaql_migrations").await? {
            return Ok(BTreeSet::new());
        }
        let rows = seaql_migrations::Entity::find().all(manager.get_connection()).await?;
        Ok(rows.into_iter().map(|row| row.version).collect())
    })
}
