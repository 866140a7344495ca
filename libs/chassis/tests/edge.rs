//! Credentials, scopes, limits, panics and deadlines, at the edge of a real server.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::time::Duration;

use fault::{ErrorReason, reason_of};
use probe::{Probe, ask, context, guard, ledger, tail, workspace};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;
use wire::common::v1::Scope;
use wire::ingest::v1::GetHeadsRequest;
use wire::ingest::v1::guard_service_client::GuardServiceClient;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

fn refused(status: &Status, code: Code, reason: ErrorReason) {
    assert_eq!((status.code(), reason_of(status)), (code, Some(reason)), "{status:?}");
}

/// Reads on until the stream fails.
async fn failure_of<T>(stream: &mut Streaming<T>) -> Status {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended well"),
            Err(status) => return status,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_proper_credential_is_refused_with_its_reason() {
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;

    let mut nobody = GuardServiceClient::new(server.channel_with_key(None));
    let status = nobody.check_call(ask("echo")).await.unwrap_err();
    refused(&status, Code::Unauthenticated, ErrorReason::MissingCredentials);

    let mut request = Request::new(ask("echo"));
    request.metadata_mut().insert("authorization", "Basic abc".parse().unwrap());
    let status = nobody.check_call(request).await.unwrap_err();
    refused(&status, Code::Unauthenticated, ErrorReason::MalformedCredentials);

    let mut stranger = GuardServiceClient::new(server.channel_with_key(Some("made up")));
    let status = stranger.check_call(ask("echo")).await.unwrap_err();
    refused(&status, Code::Unauthenticated, ErrorReason::UnknownCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_scope_is_refused_and_told_which_one() {
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;

    let report = server.channel_for(workspace(), &[Scope::Report]);
    let status = GuardServiceClient::new(report).check_call(ask("echo")).await.unwrap_err();
    refused(&status, Code::PermissionDenied, ErrorReason::InsufficientScope);
    assert_eq!(status.get_details_error_info().unwrap().metadata["required"], "TRACK");

    let admin = server.channel_for(workspace(), &[Scope::Admin]);
    GuardServiceClient::new(admin.clone()).check_call(ask("echo")).await.unwrap();
    let status = LedgerServiceClient::new(admin).get_heads(GetHeadsRequest {}).await.unwrap_err();
    refused(&status, Code::PermissionDenied, ErrorReason::InsufficientScope);

    ledger(&server).get_heads(GetHeadsRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_outside_the_contract_is_unimplemented_for_those_we_know_only() {
    use wire::rollup::v1::report_service_client::ReportServiceClient;
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;

    // In the contract, served elsewhere: asks for its scope first.
    let mut nobody = ReportServiceClient::new(server.channel_with_key(None));
    let status =
        nobody.get_overview(wire::rollup::v1::GetOverviewRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut service = ReportServiceClient::new(server.service_channel());
    let status =
        service.get_overview(wire::rollup::v1::GetOverviewRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_answers_its_own_call_and_spares_the_connection() {
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut guard = guard(&server);

    let waiting = {
        let mut guard = guard.clone();
        tokio::spawn(async move { guard.check_call(ask("wait")).await })
    };
    let status = guard.check_call(ask("panic")).await.unwrap_err();
    refused(&status, Code::Internal, ErrorReason::Internal);
    assert!(!status.message().contains("defect in"), "{}", status.message());
    waiting.abort();
    guard.check_call(ask("echo")).await.unwrap();

    let mut ledger = ledger(&server);
    let mut stream = ledger.tail(tail("panic")).await.unwrap().into_inner();
    let status = failure_of(&mut stream).await;
    refused(&status, Code::Internal, ErrorReason::Internal);
    ledger.get_heads(GetHeadsRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_server_takes_are_shed_at_once_and_told_when_to_come_back() {
    let probe = Probe::new();
    let ctx = context(|transport| transport.calls_max = 2);
    let server = testkit::serve(probe.service(), &ctx).await;
    let mut guard = guard(&server);

    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut guard = guard.clone();
            tokio::spawn(async move { guard.check_call(ask("wait")).await })
        })
        .collect();
    probe.entered(2).await;
    let status = guard.check_call(ask("echo")).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, ErrorReason::Overloaded);
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());

    // A server that is busy is not ill.
    let mut health =
        tonic_health::pb::health_client::HealthClient::new(server.channel_with_key(None));
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();

    probe.release.add_permits(2);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    guard.check_call(ask("echo")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_the_callers_to_mend() {
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let call = |message: Vec<u8>| {
        let path = "/tally.ingest.v1.GuardService/CheckCall";
        testkit::raw::call(server.service_channel(), path, message.into())
    };
    // Field 1 promises 5 bytes and brings 2; wire type 7 does not exist; text that is not UTF-8.
    for broken in [vec![0x0a, 5, b'T', b'-'], vec![0x0f], vec![0x0a, 1, 0xff]] {
        let status = call(broken).await.unwrap_err();
        refused(&status, Code::InvalidArgument, ErrorReason::MalformedMessage);
    }
    let status = call(vec![0; 5 * 1024 * 1024]).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, ErrorReason::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_are_counted_until_they_end() {
    let ctx = context(|transport| transport.streams_max = 1);
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let mut ledger = ledger(&server);

    let open = ledger.tail(tail("for ever")).await.unwrap();
    let status = ledger.tail(tail("three")).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, ErrorReason::Overloaded);
    ledger.get_heads(GetHeadsRequest {}).await.unwrap();
    drop(open);
    // The server learns of the reset in its own time.
    while ledger.tail(tail("three")).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_call_on_both_sides() {
    let ctx = context(|_| {});
    let server = testkit::serve(Probe::new().service(), &ctx).await;

    let mut request = Request::new(ask("hang"));
    request.set_timeout(Duration::from_millis(100));
    let status = guard(&server).check_call(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);

    // After the headers too, where tonic's own timeout has stopped looking.
    let mut request = Request::new(tail("for ever"));
    request.set_timeout(Duration::from_secs(1));
    let mut stream = ledger(&server).tail(request).await.unwrap().into_inner();
    assert_eq!(failure_of(&mut stream).await.code(), Code::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unary_call_has_a_deadline_without_asking_for_one() {
    let ctx = context(|transport| transport.call_timeout = Duration::from_secs(3));
    let server = testkit::serve(Probe::new().service(), &ctx).await;
    let granted = guard(&server).check_call(ask("remaining")).await.unwrap().into_inner().seen;
    assert!((1_000..=3_000).contains(&granted), "{granted} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_what_this_server_answers_unless_turned_off() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    async fn list(server: &testkit::Server) -> Result<ServerReflectionResponse, Status> {
        let mut client = ServerReflectionClient::new(server.channel_with_key(None));
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let requests = futures_util::stream::iter([request]);
        let mut answers = client.server_reflection_info(requests).await?.into_inner();
        Ok(answers.message().await?.unwrap())
    }

    let open = testkit::serve(Probe::new().service(), &context(|_| {})).await;
    let Some(MessageResponse::ListServicesResponse(list_of)) =
        list(&open).await.unwrap().message_response
    else {
        panic!("not a list of services");
    };
    let mut names: Vec<String> = list_of.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "tally.ingest.v1.GuardService",
        "tally.ingest.v1.LedgerService",
    ];
    assert_eq!(names, expected, "not the rest of the contract");

    let closed = context(|transport| transport.reflection = false);
    let closed = testkit::serve(Probe::new().service(), &closed).await;
    assert_eq!(list(&closed).await.unwrap_err().code(), Code::Unimplemented);
}
