//! The database's clock: the one all holders of a lease share.

use kernel::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::Error;

/// The present as the database has it. SQLite knows whole milliseconds only.
pub async fn now(connection: &impl ConnectionTrait) -> Result<Timestamp, Error> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now"
        }
        _ => "SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 AS now",
    };
    let row = connection
        .query_one_raw(Statement::from_string(backend, sql))
        .await?
        .ok_or_else(|| DbErr::Custom("a SELECT without FROM gave no row".into()))?;
    Ok(Timestamp::from_micros(row.try_get("", "now")?))
}
