//! Ending a server inside a deadline of our own. tonic's graceful shutdown alone waits for ever: an
//! open stream, a silent socket or half a handshake each hold it (hyper issue 4170).

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// The share of the patience calls and streams get before they are answered UNAVAILABLE.
const POLITE: f64 = 0.8;

/// What cut connections get to notice. Their tasks are tonic's: they can be ended, not awaited.
const AFTERMATH: Duration = Duration::from_millis(500);

pub(super) struct Drain {
    pub(super) name: &'static str,
    pub(super) stop: CancellationToken,
    /// Ends calls and streams with a proper status.
    pub(super) cut: CancellationToken,
    /// Fails every socket.
    pub(super) sever: CancellationToken,
    pub(super) patience: Duration,
}

impl Drain {
    /// Runs the server to its end, polite first.
    pub(super) async fn watch<F>(self, serving: F)
    where
        F: Future<Output = Result<(), tonic::transport::Error>>,
    {
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return self.report(ended),
            () = self.stop.cancelled() => {}
        }
        let began = Instant::now();
        if let Ok(ended) = timeout_at(began + self.patience.mul_f64(POLITE), &mut serving).await {
            return self.report(ended);
        }
        self.cut.cancel();
        if let Ok(ended) = timeout_at(began + self.patience, &mut serving).await {
            return self.report(ended);
        }
        self.sever.cancel();
        tracing::warn!(service = self.name, patience = ?self.patience, "connections cut: they did not end by themselves");
        let _ = tokio::time::timeout(AFTERMATH, &mut serving).await;
    }

    fn report(&self, ended: Result<(), tonic::transport::Error>) {
        match ended {
            Ok(()) => tracing::info!(service = self.name, "drained"),
            Err(error) => {
                tracing::error!(service = self.name, %error, "the server ended by itself")
            }
        }
    }
}
