//! Everything between `main` and the first request: configuration, telemetry, credentials, servers,
//! channels, shutdown; and what every list says of its pages.
//!
//! A service library exposes `Config::read` and `start`, which returns a [`Service`]; whoever runs it
//! calls [`serve`]. One process or many, the code path is the same: clients over a real [`Channel`].
//! Nothing here knows a business fact.
#![warn(missing_docs)]

pub mod attr;
pub mod auth;
pub mod client;
pub mod clock;
pub mod config;
mod context;
pub mod deadline;
pub mod ids;
mod layer;
pub mod lifecycle;
pub mod metrics;
mod outage;
pub mod page;
mod server;
mod service;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use client::{Channel, connect, connect_with_key};
pub use clock::SystemClock;
pub use config::ServiceConfig;
pub use context::{Context, Settings, Transport};
pub use ids::OsIds;
pub use layer::unread;
pub use outage::Outage;
pub use server::{Serving, serve};
pub use service::{Service, StartError, Starting};
