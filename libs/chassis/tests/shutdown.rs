//! A server ends inside its deadline, whoever is still connected (RELIABILITY 0.4, T28 in small).
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::time::{Duration, Instant};

use fault::{ErrorReason, reason_of};
use probe::{Probe, ask, context, guard, ledger, tail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_a_silent_socket_and_half_a_handshake_do_not_hold_a_server() {
    let probe = Probe::new();
    let ctx = context(|transport| transport.drain = Duration::from_secs(2));
    let server = testkit::serve(probe.service(), &ctx).await;

    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    let mut preface = TcpStream::connect(server.addr).await.unwrap();
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut stream = ledger(&server).tail(tail("for ever")).await.unwrap().into_inner();
    for _ in 0..3 {
        stream.message().await.unwrap().unwrap();
    }
    let in_flight = {
        let mut guard = guard(&server);
        tokio::spawn(async move { guard.check_call(ask("wait")).await })
    };
    probe.entered(2).await;

    let began = Instant::now();
    ctx.stop.cancel();
    probe.release.add_permits(1);
    in_flight.await.unwrap().expect("a call in flight gets its answer");
    let status = stream.message().await.unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::Unavailable, Some(ErrorReason::ShuttingDown))
    );

    assert!(server.ended().await);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    // Closed by us, not by the end of the test.
    for socket in [&mut silent, &mut preface] {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(1), socket.read_to_end(&mut rest))
            .await
            .unwrap()
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_nobody_holds_ends_at_once() {
    let ctx = context(|transport| transport.drain = Duration::from_secs(30));
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    guard(&server).check_call(ask("echo")).await.unwrap();
    let began = Instant::now();
    assert!(server.stop().await);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_returns_is_answered_for() {
    let probe = Probe::new();
    let ctx = context(|transport| transport.drain = Duration::from_secs(1));
    let server = testkit::serve(probe.service(), &ctx).await;
    let hanging = {
        let mut guard = guard(&server);
        tokio::spawn(async move { guard.check_call(ask("hang")).await })
    };
    probe.entered(1).await;
    assert!(server.stop().await);
    let status = hanging.await.unwrap().unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status)),
        (Code::Unavailable, Some(ErrorReason::ShuttingDown))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_connects_and_says_nothing_is_let_go() {
    let ctx = context(|transport| transport.greeting = Duration::from_millis(200));
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "still open");
    guard(&server).check_call(ask("echo")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_readiness_and_ends_with_the_drain() {
    let (ready, receiver) = tokio::sync::watch::channel(false);
    let ctx = context(|transport| transport.drain = Duration::from_secs(30));
    let server = testkit::serve(Probe::new().service_ready(receiver), &ctx).await;
    let mut health = HealthClient::new(server.channel_with_key(None));
    let asked = || HealthCheckRequest { service: "probe".to_owned() };

    let before = health.check(asked()).await.unwrap().into_inner().status();
    assert_eq!(before, ServingStatus::NotServing);
    let mut watching = health.watch(asked()).await.unwrap().into_inner();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    ready.send(true).unwrap();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(health.check(asked()).await.unwrap().into_inner().status(), ServingStatus::Serving);
    let unknown = HealthCheckRequest { service: "somebody.Else".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);

    let began = Instant::now();
    ctx.stop.cancel();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watching.message().await.unwrap().is_none());
    assert!(server.ended().await);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "a watcher held the drain: {:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_ready_for_good_is_watched_until_the_drain() {
    let ready_for_good = tokio::sync::watch::Sender::new(true).subscribe();
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service_ready(ready_for_good), &ctx).await;
    let mut health = HealthClient::new(server.channel_with_key(None));
    let watching = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watching = watching.into_inner();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let silence = tokio::time::timeout(Duration::from_millis(200), watching.message()).await;
    assert!(silence.is_err(), "{silence:?}");
    ctx.stop.cancel();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(server.ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_together_with_the_variable_to_change() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut service = Probe::new().service();
    service.name = "baseline-catalog";
    service.listen = taken.local_addr().unwrap();
    let error = chassis::serve(service, &context(|_| {})).await.err().unwrap().to_string();
    assert!(error.contains(&taken.local_addr().unwrap().to_string()), "{error}");
    assert!(error.contains("TALLY_CATALOG_LISTEN"), "{error}");
}
