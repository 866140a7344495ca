//! Stories of the whole suite, one a file. Each is a process of its own under nextest.
#![expect(clippy::unwrap_used, reason = "tests")]

mod broken_cache;
mod catalog;
mod catalog_command;
mod command_line;
mod corrected;
mod crash;
mod every_rpc;
mod five_processes;
mod hostile_bytes;
mod killed_postgres;
mod parity;
mod reports_command;
mod seed_month;
mod trace_edges;
mod two_rollups;
mod unimplemented_rpcs;
