//! What every call into this library answers with where nothing about it is generic.

use std::future::Future;
use std::pin::Pin;

/// Work on a database that answers a `T`.
///
/// Boxed, because an async function is compiled by whoever awaits it, with everything below it: each service,
/// and the binary again, would compile both drivers.
pub type Work<'w, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'w>>;
