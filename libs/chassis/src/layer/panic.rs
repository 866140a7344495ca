//! A defect in one handler answers one call with INTERNAL, and touches nobody else's connection.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use fault::Fault;
use futures_util::FutureExt as _;

/// The output of `future`, or the fault its panic becomes.
///
/// Unwind safety: what a handler shares is behind locks that poison or databases that roll back.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, Fault> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| fault(&*payload))
}

pub(super) fn fault(payload: &(dyn Any + Send)) -> Fault {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Fault::internal("the call hit a defect of ours; it is in the log")
        .because(format!("panic: {message}"))
}
