//! For tests only: time that stands still until it is told to move, ids from a seed, and databases
//! and servers of a test's own.
//!
//! Real PostgreSQL and Redis are started from the installed binaries, on free ports, so that a test
//! may kill them. Where a binary is missing the test fails and names the package to install;
//! nothing is skipped quietly.
#![expect(clippy::disallowed_methods, reason = "waits for servers, and must not read a fake clock")]

pub mod clock;
pub mod ids;
pub mod installed;
pub mod otlp;
pub mod postgres_server;
pub mod process;
pub mod raw;
pub mod redis_server;
pub mod server;
pub mod shared_postgres;
pub mod store_suite;
pub mod test_db;

pub use clock::FakeClock;
pub use ids::SeededIds;
pub use otlp::Otlp;
pub use postgres_server::PostgresServer;
pub use redis_server::RedisServer;
pub use server::{Server, context, serve};
pub use test_db::{TestDb, postgres, sqlite};
