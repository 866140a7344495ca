//! Ten thousand tiny calls at once on one connection (RELIABILITY 0.3, T16).
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::Channel;
use probe::{Probe, ask, context, guard};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{self, Endpoint};
use wire::ingest::v1::guard_service_client::GuardServiceClient;
use wire::ingest::v1::guard_service_server::GuardServiceServer;

const CALLS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_at_once_pass_on_one_connection() {
    // Ten thousand calls take their time in a debug build: this is about frames, not about speed.
    let ctx = context(|transport| transport.call_timeout = Duration::from_secs(120));
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let guard: GuardServiceClient<Channel> = guard(&server);
    let calls = (0..CALLS).map(|_| {
        let mut guard = guard.clone();
        tokio::spawn(async move { guard.check_call(ask("echo")).await.map(drop) })
    });
    let mut failed = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        failed.extend(call.await.unwrap().err());
    }
    assert!(failed.is_empty(), "{} failed, first: {:?}", failed.len(), failed[0]);
}

/// The control: with tonic's own settings on both sides the same load must break the connection. When
/// this stops failing, the settings above have lost their reason.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_load_breaks_a_connection_at_default_settings() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = transport::Server::builder()
        .add_service(GuardServiceServer::new(Probe::new()))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let channel =
        Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let guard = GuardServiceClient::new(channel);
    let failed = Arc::new(AtomicUsize::new(0));
    let calls = (0..CALLS).map(|_| {
        let (mut guard, failed) = (guard.clone(), Arc::clone(&failed));
        tokio::spawn(async move {
            if guard.check_call(ask("echo")).await.is_err() {
                failed.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert!(failed.load(Ordering::SeqCst) > 0, "tonic's defaults carried {CALLS} calls");
}
