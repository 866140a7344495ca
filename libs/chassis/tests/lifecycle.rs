//! The order of a stop, and its deadlines.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
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

/// Set in the process that [`a_second_signal_stops_at_once`] sends its signals to.
const STUBBORN: &str = "CHASSIS_TEST_STUBBORN";

/// Not a test by itself: a process that would take a minute to stop.
#[tokio::test(flavor = "multi_thread")]
async fn stubborn() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its other process apart")]
    if std::env::var_os(STUBBORN).is_none() {
        return;
    }
    let ctx = context(|transport| transport.settle = Duration::from_secs(60));
    lifecycle::stop_on_signal(ctx.stop.clone()).unwrap();
    ctx.tasks.spawn(std::future::pending::<()>());
    let stop = ctx.stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        println!("stopping");
    });
    // Not "running", which is what the harness says before it calls this.
    println!("stubborn is up");
    lifecycle::run(ctx, Vec::new(), telemetry()).await;
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stubborn", "--nocapture"])
        .env(STUBBORN, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut says = |what: &str| lines.by_ref().any(|line| line.contains(what));
    let signal = |name: &str| Command::new("kill").args(["-s", name, &id]).status().unwrap();
    assert!(says("stubborn is up"));
    let began = Instant::now();
    assert!(signal("TERM").success());
    assert!(says("stopping"), "the first signal asks");
    // Either signal, as from a terminal after the supervisor's.
    assert!(signal("INT").success());
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130));
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "not after the minute: {:?}",
        began.elapsed()
    );
}
