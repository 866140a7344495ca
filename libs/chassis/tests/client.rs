//! Channels: late peers, dead peers, deadlines passed on, credentials.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a peer that is late is late in real time")]

mod probe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chassis::Service;
use probe::{Probe, ask, context, guard};
use tokio::net::TcpListener;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use wire::ingest::v1::GetHeadsRequest;
use wire::ingest::v1::guard_service_client::GuardServiceClient;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

/// An address nobody listens on, though somebody could.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_peer_that_is_about_to_start_waits_for_it() {
    let listen = free_address().await;
    let ctx = context(|_| {});
    let uri = format!("http://{listen}").parse().unwrap();
    let mut early = LedgerServiceClient::new(chassis::connect(&uri, "test", &ctx));
    let call = tokio::spawn(async move {
        let answer = early.get_heads(GetHeadsRequest {}).await;
        (answer, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let service = Service { listen, ..Probe::new().service() };
    let serving = chassis::serve(service, &ctx).await.unwrap();
    let started = Instant::now();
    let (answer, answered) = call.await.unwrap();
    answer.unwrap();
    let after = answered.saturating_duration_since(started);
    assert!(after < Duration::from_millis(500), "{after:?}");
    ctx.stop.cancel();
    assert!(serving.ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_to_a_peer_that_stays_away_fail_soon_and_together() {
    let uri = format!("http://{}", free_address().await).parse().unwrap();
    let channel = chassis::connect(&uri, "test", &context(|_| {}));
    let began = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let mut ledger = LedgerServiceClient::new(channel.clone());
            tokio::spawn(async move { ledger.get_heads(GetHeadsRequest {}).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    // Its patience is used up: from now on it fails at once.
    let began = Instant::now();
    let mut ledger = LedgerServiceClient::new(channel);
    assert_eq!(ledger.get_heads(GetHeadsRequest {}).await.unwrap_err().code(), Code::Unavailable);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_finds_a_peer_that_was_restarted() {
    let listen = free_address().await;
    let uri = format!("http://{listen}").parse().unwrap();
    let client_ctx = context(|_| {});
    let mut ledger = LedgerServiceClient::new(chassis::connect(&uri, "test", &client_ctx));
    for _ in 0..2 {
        let ctx = context(|_| {});
        let service = Service { listen, ..Probe::new().service() };
        let serving = chassis::serve(service, &ctx).await.unwrap();
        ledger.get_heads(GetHeadsRequest {}).await.unwrap();
        ctx.stop.cancel();
        assert!(serving.ended().await);
    }
}

/// Every connection ends at some age; here at so early a one that a call meets several ends.
#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_fail_because_their_connection_ends() {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("probe", tonic_health::ServingStatus::Serving).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = tonic::transport::Server::builder()
        .max_connection_age(Duration::from_millis(100))
        .add_service(health)
        .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
    let server = tokio::spawn(server);
    let channel = chassis::connect(&uri, "test", &context(|_| {}));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let mut client = HealthClient::new(channel.clone());
            tokio::spawn(async move {
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs(1) {
                    let request = HealthCheckRequest { service: "probe".to_owned() };
                    client.check(request.clone()).await?;
                    // One that streams, too.
                    client.watch(request).await?;
                }
                Ok::<_, tonic::Status>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    server.abort();
}

/// A peer that hands back the first calls untouched and counts them all.
async fn refusing(listener: TcpListener, refused: usize, calls: Arc<AtomicUsize>) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((_request, mut respond))) = connection.accept().await {
        if calls.fetch_add(1, Ordering::SeqCst) < refused {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        let trailers_only = http::Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", Code::NotFound as i32)
            .body(())
            .unwrap();
        respond.send_response(trailers_only, true).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_handed_back_untouched_is_sent_once_more() {
    for (refused, code, sent) in [(1, Code::NotFound, 2), (9, Code::Unavailable, 2)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let peer = tokio::spawn(refusing(listener, refused, Arc::clone(&calls)));
        let channel = chassis::connect(&uri, "test", &context(|_| {}));
        let answer = LedgerServiceClient::new(channel).get_heads(GetHeadsRequest {}).await;
        assert_eq!(answer.unwrap_err().code(), code);
        assert_eq!(calls.load(Ordering::SeqCst), sent);
        peer.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_passed_on_with_what_is_left_of_it() {
    let ctx = context(|_| {});
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", hanging.local_addr().unwrap()).parse().unwrap();
    let server =
        testkit::serve(Probe::relaying_to(chassis::connect(&uri, "probe", &ctx)).service(), &ctx)
            .await;
    let mut request = Request::new(ask("relay"));
    request.set_timeout(Duration::from_millis(500));
    let began = Instant::now();
    let status = guard(&server).check_call(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_cannot_be_sent_fails_the_calls_and_says_why() {
    let uri = "http://127.0.0.1:1".parse().unwrap();
    let key = secrecy::SecretString::from("line\nbreak");
    let transport = chassis::Transport::default();
    let channel = chassis::connect_with_key(&uri, "test", Some(&key), &transport);
    let status = GuardServiceClient::new(channel).check_call(ask("echo")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("credential"), "{}", status.message());
}
