//! A transaction that runs statements over rows straight on the driver.
//!
//! The ORM's statements own boxed values, one for each cell, and copy all of them to run: for the 500 rows of
//! an append that was more work than everything else in it. Here a column is bound as it is.

use sea_orm::{DbBackend, DbErr, Value};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, FromRow};

use super::values::Cells;
use super::{Column, Row, Rows, insert, list, postgres, template};
use crate::{Db, Error, Work};

/// An open transaction; see [`Db::write_rows`] and [`Db::read_rows`].
pub struct Transaction {
    on: On,
    past: u64,
    /// PostgreSQL answers COMMIT after a failed statement as if it had committed.
    failed: bool,
}

enum On {
    Postgres(sqlx::Transaction<'static, Postgres>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

/// Rows as the driver gives them.
enum Found {
    Postgres(Vec<PgRow>),
    Sqlite(Vec<SqliteRow>),
}

impl Transaction {
    pub(crate) fn begin(db: &Db) -> Work<'_, Self, Error> {
        Box::pin(async {
            let writer = &db.inner().writer;
            let on = if db.backend() == DbBackend::Postgres {
                On::Postgres(writer.get_postgres_connection_pool().begin().await?)
            } else {
                // As in `Db::write`: the lock at once, or not at all.
                let pool = writer.get_sqlite_connection_pool();
                On::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)
            };
            Ok(Self { on, past: db.inner().past.changes(), failed: false })
        })
    }

    /// One that only reads, on the reading connections; see [`Db::read_rows`].
    pub(crate) fn begin_reading(db: &Db) -> Work<'_, Self, Error> {
        Box::pin(async {
            let reader = &db.inner().reader;
            let on = if db.backend() == DbBackend::Postgres {
                let pool = reader.get_postgres_connection_pool();
                On::Postgres(
                    pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
                )
            } else {
                On::Sqlite(reader.get_sqlite_connection_pool().begin().await?)
            };
            Ok(Self { on, past: db.inner().past.changes(), failed: false })
        })
    }

    /// Another number when it is another server than before, or the same started again: after a failover, or
    /// when a backup was put back, it may lack what was committed. What was known is to be read again.
    pub fn past(&self) -> u64 {
        self.past
    }

    /// Runs a statement over `rows`, a template as for [`Rows::statement`]; answers how many rows it
    /// touched.
    ///
    /// # Panics
    /// As [`Rows::statement`] does.
    pub fn execute<'t>(&'t mut self, rows: Rows, template: &'t str) -> Work<'t, u64, Error> {
        Box::pin(async move {
            let done = match &mut self.on {
                On::Postgres(txn) => {
                    let (sql, arguments) = rows.for_postgres(template)?;
                    on_postgres(txn, sql, arguments).await
                }
                On::Sqlite(txn) => {
                    let mut portions = rows.for_sqlite(template);
                    let mut touched = Ok(0);
                    while let (Ok(so_far), Some(portion)) = (&touched, portions.next()) {
                        let (sql, arguments) = portion?;
                        touched = on_sqlite(txn, sql, arguments).await.map(|more| so_far + more);
                    }
                    touched
                }
            };
            self.failed |= done.is_err();
            Ok(done?)
        })
    }

    /// The same for a statement that answers rows. A tuple reads the columns in order. SQLite is given
    /// the rows in portions of 512 at most: an ORDER BY holds within one of them.
    ///
    /// # Panics
    /// As [`Rows::statement`] does.
    pub async fn fetch<R>(&mut self, rows: Rows, template: &str) -> Result<Vec<R>, Error>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow>,
    {
        let found = match self.find(rows, template).await? {
            Found::Postgres(found) => found.iter().map(R::from_row).collect(),
            Found::Sqlite(found) => found.iter().map(R::from_row).collect::<Result<Vec<R>, _>>(),
        };
        self.failed |= found.is_err();
        Ok(found?)
    }

    fn find<'t>(&'t mut self, rows: Rows, template: &'t str) -> Work<'t, Found, Error> {
        Box::pin(async move {
            let found = match &mut self.on {
                On::Postgres(txn) => {
                    let (sql, arguments) = rows.for_postgres(template)?;
                    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                    query.fetch_all(&mut **txn).await.map(Found::Postgres)
                }
                On::Sqlite(txn) => {
                    let mut portions = rows.for_sqlite(template);
                    let mut found = Ok(Vec::new());
                    while let (Ok(so_far), Some(portion)) = (&mut found, portions.next()) {
                        let (sql, arguments) = portion?;
                        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                        match query.fetch_all(&mut **txn).await {
                            Ok(mut more) => so_far.append(&mut more),
                            Err(error) => found = Err(error),
                        }
                    }
                    found.map(Found::Sqlite)
                }
            };
            self.failed |= found.is_err();
            Ok(found?)
        })
    }

    /// Inserts new rows into `table`. `write` is called once a row, and writes a cell for each of `columns`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a row with such a key exists, and then none is inserted.
    pub async fn insert<R>(
        &mut self,
        table: &str,
        columns: &[&str],
        mut rows: impl ExactSizeIterator<Item = R>,
        write: impl Fn(&mut Row<'_>, R),
    ) -> Result<(), Error> {
        let into = (table, columns);
        let inserted = match &mut self.on {
            On::Postgres(_) if rows.len() == 0 => Ok(()),
            On::Postgres(txn) if rows.len() < insert::COPY_ROWS_MIN => {
                let (sql, arguments) = insert::arrays(into, rows, write).map_err(cannot_bind)?;
                on_postgres(txn, sql, arguments).await.map(drop)
            }
            On::Postgres(txn) => {
                let (sql, data) = insert::copy(into, rows, write);
                copy_in(txn, sql, data).await
            }
            On::Sqlite(txn) => {
                let mut inserted = Ok(());
                while inserted.is_ok() && rows.len() > 0 {
                    let portion = insert::portion(rows.len());
                    let sql = insert::insert(table, columns, portion);
                    let portion = rows.by_ref().take(portion);
                    let arguments = insert::values(portion, &write).map_err(cannot_bind)?;
                    inserted = on_sqlite(txn, sql, arguments).await.map(drop);
                }
                inserted
            }
        };
        self.failed |= inserted.is_err();
        Ok(inserted?)
    }

    pub(crate) fn commit(self) -> Work<'static, (), Error> {
        Box::pin(async move {
            if self.failed {
                let why = "a statement failed and the work went on: nothing is committed";
                return Err(Error::Other(DbErr::Custom(why.into())));
            }
            let done = match self.on {
                On::Postgres(txn) => txn.commit().await,
                On::Sqlite(txn) => txn.commit().await,
            };
            done.map_err(|error| Error::at_commit(crate::error::driver(error)))
        })
    }

    pub(crate) fn rollback(self) -> Work<'static, (), Error> {
        Box::pin(async move {
            match self.on {
                On::Postgres(txn) => txn.rollback().await?,
                On::Sqlite(txn) => txn.rollback().await?,
            }
            Ok(())
        })
    }
}

fn on_postgres<'t>(
    txn: &'t mut sqlx::Transaction<'static, Postgres>,
    sql: String,
    arguments: PgArguments,
) -> Work<'t, u64, sqlx::Error> {
    Box::pin(async move {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        Ok(query.execute(&mut **txn).await?.rows_affected())
    })
}

fn on_sqlite<'t>(
    txn: &'t mut sqlx::Transaction<'static, Sqlite>,
    sql: String,
    arguments: SqliteArguments,
) -> Work<'t, u64, sqlx::Error> {
    Box::pin(async move {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        Ok(query.execute(&mut **txn).await?.rows_affected())
    })
}

fn copy_in<'t>(
    txn: &'t mut sqlx::Transaction<'static, Postgres>,
    sql: String,
    data: Vec<u8>,
) -> Work<'t, (), sqlx::Error> {
    Box::pin(async move {
        let mut copy = txn.copy_in_raw(&sql).await?;
        copy.send(data).await?;
        copy.finish().await?;
        Ok(())
    })
}

impl Rows {
    fn for_postgres(self, template: &str) -> Result<(String, PgArguments), Error> {
        self.check();
        let mut arguments = PgArguments::default();
        let (names, source) = (list(&self.columns), postgres::native_source(&self.columns));
        let counts = (self.columns.len(), self.binds.len());
        let sql = super::fill(DbBackend::Postgres, template, (&names, &source), counts);
        for (_, column) in self.columns {
            match column {
                Column::Int(values) => arguments.add(values),
                Column::OptInt(values) => arguments.add(values),
                Column::Text(values) => arguments.add(values),
                Column::OptText(values) => arguments.add(values),
                Column::Bytes(values) => arguments.add(values),
                Column::OptBytes(values) => arguments.add(values),
            }
            .map_err(cannot_bind)?;
        }
        for value in self.binds {
            arguments.add(integer(value)).map_err(cannot_bind)?;
        }
        Ok((sql, arguments))
    }

    /// The same statement for one portion of the rows after another; for no rows, once.
    fn for_sqlite(
        self,
        template: &str,
    ) -> impl Iterator<Item = Result<(String, SqliteArguments), Error>> {
        let rows = self.check();
        let Self { columns, binds } = self;
        let names = list(&columns);
        let mut cells = Cells::new(columns, rows);
        let mut first = true;
        std::iter::from_fn(move || {
            if cells.portion() == 0 && !std::mem::take(&mut first) {
                return None;
            }
            first = false;
            let mut arguments = SqliteArguments::default();
            let mut bound = Ok(());
            // Values without numbers are bound in the order in which the text asks for them.
            let sql = template::fill(template, |placeholder| match placeholder {
                "rows" => {
                    let table = cells.table();
                    bound = std::mem::replace(&mut bound, Ok(())).and(cells.bind(&mut arguments));
                    Some(table)
                }
                "columns" => Some(names.clone()),
                number => {
                    let value = binds.get(number.parse::<usize>().ok()?)?;
                    let added = arguments.add(integer(value.clone()));
                    bound = std::mem::replace(&mut bound, Ok(())).and(added);
                    Some("?".to_owned())
                }
            });
            Some(bound.map(|()| (sql, arguments)).map_err(cannot_bind))
        })
    }
}

/// Times, ids and counts are all that these statements bind beside their rows.
fn integer(value: Value) -> Option<i64> {
    match value {
        Value::BigInt(value) => value,
        other => unreachable!("{other:?} beside the rows of a hot statement"),
    }
}

fn cannot_bind(error: sqlx::error::BoxDynError) -> Error {
    Error::from(sqlx::Error::Encode(error))
}
