//! From the first signal to the exit code, in order and inside deadlines.

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::telemetry::Telemetry;
use crate::{Context, Serving, StartError};

/// The exit code of a process that a second signal ended, as shells have it.
const INTERRUPTED: i32 = 130;

const LOOK_AT_SERVERS: Duration = Duration::from_millis(250);

/// Cancels `stop` on the first SIGINT or SIGTERM; the second one ends the process at once.
pub fn stop_on_signal(stop: CancellationToken) -> Result<(), StartError> {
    let listen = |kind| {
        signal(kind).map_err(|error| StartError::new("cannot listen for signals").because(error))
    };
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                tracing::info!("stopping; a second signal stops at once");
                stop.cancel();
            }
        }
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

/// Waits for the stop signal, then: servers drain, background work settles, telemetry is flushed.
///
/// A server that ends by itself stops the whole process: half a suite is worse than a restart.
pub async fn run(ctx: Context, servers: Vec<Serving>, telemetry: Telemetry) -> ExitCode {
    while !ctx.stop.is_cancelled() && !servers.iter().any(Serving::is_over) {
        let _ = tokio::time::timeout(LOOK_AT_SERVERS, ctx.stop.cancelled()).await;
    }
    let asked_to = ctx.stop.is_cancelled();
    ctx.stop.cancel();

    let mut clean = asked_to;
    for server in servers {
        // Each has its own deadline, and all of them began to drain with the stop signal.
        clean &= server.ended().await;
    }
    ctx.tasks.close();
    if tokio::time::timeout(ctx.transport.settle, ctx.tasks.wait()).await.is_err() {
        tracing::warn!(left = ctx.tasks.len(), "background work abandoned: it did not end in time");
        clean = false;
    }
    telemetry.shutdown().await;
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
