//! The order of a stop, and its deadlines.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chassis::telemetry::{Settings, Telemetry};
use chassis::{Context, OsIds, lifecycle};
use probe::{Probe, context};

fn telemetry() -> Telemetry {
    Telemetry::install(&Settings::off("probe"), &OsIds).unwrap()
}

fn same(code: ExitCode, expected: ExitCode) -> bool {
    format!("{code:?}") == format!("{expected:?}")
}

async fn stopping(ctx: &Context) {
    let stop = ctx.stop.clone();
    tokio::spawn(async move {
        tokio::task::yield_now().await;
        stop.cancel();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_settles_after_the_servers_have_drained() {
    let ctx = context(|_| {});
    let server = chassis::serve(Probe::new().service(), &ctx).await.unwrap();
    let settled = Arc::new(AtomicBool::new(false));
    ctx.tasks.spawn({
        let (stop, settled) = (ctx.stop.clone(), Arc::clone(&settled));
        async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            settled.store(true, Ordering::SeqCst);
        }
    });
    stopping(&ctx).await;
    let code = lifecycle::run(ctx, vec![server], telemetry()).await;
    assert!(same(code, ExitCode::SUCCESS));
    assert!(settled.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_that_never_ends_is_abandoned_and_said_so() {
    let ctx = context(|transport| transport.settle = Duration::from_millis(200));
    ctx.tasks.spawn(std::future::pending::<()>());
    stopping(&ctx).await;
    let began = Instant::now();
    let code = lifecycle::run(ctx, Vec::new(), telemetry()).await;
    assert!(same(code, ExitCode::FAILURE));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
