//! Time as an argument.

use std::future::Future;
use std::pin::Pin;

use crate::Timestamp;

/// Where a service reads the time. The system's clock lives in `chassis`, a hand-driven one in `testkit`.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Resolves once `now()` is at or past `at`; at once when it already is.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
