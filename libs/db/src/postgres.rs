//! PostgreSQL: pools that never lend an open transaction, on a server that keeps what it
//! acknowledges.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::SqlxPostgresConnector;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::database::Inner;
use crate::error::sqlstate;
use crate::open_error::Refused;
use crate::past::Past;
use crate::settings::Target;
use crate::{OpenError, Settings};

/// A caller waits this long for a free connection (or for the server to come back) before it is
/// told to try again.
const ACQUIRE: Duration = Duration::from_secs(5);
/// No statement of ours takes this long; a runaway one must not hold a partition's head for ever.
const STATEMENT_TIMEOUT: &str = "30s";
/// A session whose process was stopped mid-transaction gives up its locks after this long.
const IDLE_IN_TRANSACTION: &str = "10s";
/// A server that is still replaying its log says so (57P03); it is given this long to finish.
const STARTING_UP: Duration = Duration::from_secs(30);

/// The address as given, with the context's schema in front and statement logging off.
pub(crate) async fn open(
    settings: &Settings,
    options: PgConnectOptions,
) -> Result<Inner, OpenError> {
    let address = Target::Postgres(Box::new(options.clone())).address();
    let schema = settings.schema();
    let options = options
        .application_name(&format!("tally {}", settings.context))
        .options([("search_path", format!("\"{schema}\""))])
        // Where a table without statistics is thought to be large, statements of milliseconds are compiled
        // for hundreds of them: 1 % of the overviews of a new database took 0.4 s.
        .options([("jit", "off")])
        .disable_statement_logging();

    let mut probe = first_connection(&options, &address).await?;
    check(&mut probe).await.map_err(|err| refused(err, &address))?;
    create_schema(&mut probe, &schema).await.map_err(|source| OpenError::Schema {
        address: address.clone(),
        schema,
        source,
    })?;
    // A failed goodbye changes nothing.
    let _ = probe.close().await;

    let bounded = options.clone().options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
    ]);
    // Rows are found by their keys, many at a time, in tables that grow. Without statistics yet, or with
    // those of a table that was small, the planner reads the whole table instead, and keeps that plan.
    // Ingest relies on it, too: heads are locked in the order of such a loop.
    let by_key = bounded.options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ]);
    let read_only = by_key.clone().options([("default_transaction_read_only", "on")]);
    let connections = settings.connections.max(2);
    let writers = connections / 2;
    let past = Arc::new(Past::default());
    let (writing, reading) =
        (pool(by_key, writers, &past), pool(read_only, connections - writers, &past));
    Ok(Inner {
        line: None,
        writer: SqlxPostgresConnector::from_sqlx_postgres_pool(writing),
        reader: SqlxPostgresConnector::from_sqlx_postgres_pool(reading),
        past,
        context: settings.context,
        address,
        postgres: Some(options),
    })
}

/// Connections that are clean when lent and safe when made.
pub(crate) fn pool(options: PgConnectOptions, connections: u32, past: &Arc<Past>) -> PgPool {
    let past = Arc::clone(past);
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // The hook below is a round trip already.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                // sqlx 0.9.0 may return a connection whose BEGIN was cancelled in flight: the
                // server has an open transaction, the driver does not know, and what the next
                // borrower writes is never committed. A bare ROLLBACK cures it, but makes a healthy
                // server log a warning per loan; this pair is silent when all is well. In an
                // aborted transaction the BEGIN fails, and the pool throws the connection away.
                connection.execute("BEGIN; ROLLBACK").await?;
                Ok(true)
            })
        })
        // A connection made later may reach another server: after a failover, say.
        .after_connect(move |connection, _| {
            let past = Arc::clone(&past);
            Box::pin(async move {
                check(connection).await?;
                past.note(connection).await
            })
        })
        .connect_lazy_with(options)
}

async fn first_connection(
    options: &PgConnectOptions,
    address: &str,
) -> Result<PgConnection, OpenError> {
    let attempts = STARTING_UP.as_millis() / 250;
    for _ in 0..attempts {
        match PgConnection::connect_with(options).await {
            Err(err) if sqlstate(&err).as_deref() == Some("57P03") => {
                #[expect(clippy::disallowed_methods, reason = "waits for a server to start")]
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Ok(connection) => return Ok(connection),
            Err(source) => return Err(unreachable(source, address)),
        }
    }
    PgConnection::connect_with(options).await.map_err(|source| unreachable(source, address))
}

fn unreachable(source: sqlx::Error, address: &str) -> OpenError {
    let advice = match sqlstate(&source).as_deref() {
        Some("28P01" | "28000") => "Check the user and the password in the address",
        Some("3D000") => "Create the database first (createdb), or name another",
        Some("53300") => "The server has no connection left: raise max_connections or use fewer",
        _ => "Is PostgreSQL running there, and may this machine reach it?",
    };
    OpenError::Unreachable { address: address.into(), source, advice }
}

/// Reads back what durability depends on. A standby is refused too: commits can become visible
/// there in another order than on the primary, and a tail that saw that would skip entries.
async fn check(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (fsync, pages, commit, standby): (String, String, String, bool) = sqlx::query_as(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
         current_setting('synchronous_commit'), pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await?;
    let refuse = |found: String, remedy: &'static str| {
        Err(sqlx::Error::Configuration(Box::new(Refused { found, remedy })))
    };
    if fsync != "on" {
        return refuse(format!("fsync is {fsync}"), "Set fsync = on in postgresql.conf");
    }
    if pages != "on" {
        let found = format!("full_page_writes is {pages}");
        return refuse(found, "Set full_page_writes = on in postgresql.conf");
    }
    if commit == "off" {
        let remedy = "Set synchronous_commit = on for this server, database and role";
        return refuse("synchronous_commit is off".into(), remedy);
    }
    if standby {
        return refuse("it is a standby".into(), "Give the address of the primary");
    }
    Ok(())
}

fn refused(err: sqlx::Error, address: &str) -> OpenError {
    if let sqlx::Error::Configuration(inner) = &err
        && let Some(Refused { found, remedy }) = inner.downcast_ref::<Refused>()
    {
        return OpenError::Unsafe { address: address.into(), found: found.clone(), remedy };
    }
    unreachable(err, address)
}

/// Looks first: `CREATE SCHEMA IF NOT EXISTS` wants the privilege to create even where there is
/// nothing to create, and a production role need not have it.
async fn create_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&mut *connection)
            .await?;
    if exists {
        return Ok(());
    }
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\""));
    match connection.execute(create).await {
        // Another process created it in the same moment: IF NOT EXISTS does not cover that race.
        Err(err) if matches!(sqlstate(&err).as_deref(), Some("23505" | "42P06")) => Ok(()),
        other => other.map(drop),
    }
}
