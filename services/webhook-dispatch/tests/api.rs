//! EndpointService through a real channel.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use kernel::WorkspaceId;
use support::{Harness, Sink, database, predicate};
use tonic::Code;
use tonic_types::StatusExt as _;
use wire::common::v1::{ErrorReason, Scope};
use wire::webhook::v1::alert_service_client::AlertServiceClient;
use wire::webhook::v1::endpoint_service_client::EndpointServiceClient;
use wire::webhook::v1::{
    BacktestRequest, CreateEndpointRequest, DeleteEndpointRequest, EndpointState, Filter,
    GetEndpointRequest, ListAttemptsRequest, ListDeliveriesRequest, ListEndpointsRequest, Operator,
    UpdateEndpointRequest,
};

fn valid() -> CreateEndpointRequest {
    CreateEndpointRequest {
        url: "https://example.com/hook?x=1".into(),
        description: "ops Slack".into(),
        filter: Some(Filter {
            predicates: vec![predicate("outcome", Operator::In, &["failure", "needs_review"])],
        }),
        ..CreateEndpointRequest::default()
    }
}

fn get(endpoint_id: &str) -> GetEndpointRequest {
    GetEndpointRequest { endpoint_id: endpoint_id.into() }
}

#[tokio::test]
async fn an_endpoint_is_created_read_listed_and_deleted() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let mut client = app.admin();
    let created = client.create_endpoint(valid()).await.unwrap().into_inner();
    assert!(
        created.secret.starts_with("whsec_") && created.secret.len() == 50,
        "{}",
        created.secret
    );
    let endpoint = created.endpoint.unwrap();
    assert_eq!(endpoint.event_types, ["event.tracked"]);
    assert_eq!((endpoint.state(), &endpoint.filter), (EndpointState::Enabled, &valid().filter));
    assert_eq!(endpoint.create_time, endpoint.update_time);

    let found = client.get_endpoint(get(&endpoint.endpoint_id)).await.unwrap().into_inner();
    assert_eq!(found.endpoint.as_ref(), Some(&endpoint));
    let delete =
        DeleteEndpointRequest { endpoint_id: endpoint.endpoint_id.clone(), ..Default::default() };
    for _ in 0..2 {
        let deleted = client.delete_endpoint(delete.clone()).await.unwrap().into_inner();
        assert_eq!(deleted.endpoint.unwrap().state(), EndpointState::Deleted);
    }
    let gone = client.get_endpoint(get(&endpoint.endpoint_id)).await.unwrap_err();
    assert_eq!(fault::reason_of(&gone), Some(ErrorReason::ResourceNotFound));
    let left = client.list_endpoints(ListEndpointsRequest::default()).await.unwrap().into_inner();
    assert_eq!(left.endpoints, []);
    let deliveries =
        ListDeliveriesRequest { endpoint_id: endpoint.endpoint_id, ..Default::default() };
    assert!(client.list_deliveries(deliveries).await.is_ok(), "what it received stays readable");
}

#[tokio::test]
async fn a_repeated_request_gives_the_first_answer() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let mut client = app.admin();
    let request = CreateEndpointRequest { request_id: "setup-1".into(), ..valid() };
    let first = client.create_endpoint(request.clone()).await.unwrap().into_inner();
    let again = client.create_endpoint(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let changed = CreateEndpointRequest { description: "other".into(), ..request };
    let refused = client.create_endpoint(changed).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(fault::reason_of(&refused), Some(ErrorReason::RequestIdReused));
    let other = client.create_endpoint(valid()).await.unwrap().into_inner();
    assert_ne!(other.endpoint, first.endpoint, "without an id every call makes one");
}

#[tokio::test]
async fn a_bad_request_names_every_bad_field() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let request = CreateEndpointRequest {
        request_id: "a b".into(),
        url: "https://169.254.169.254/latest".into(),
        description: "x".repeat(256),
        event_types: vec!["event.tracked".into(), "event.unknown".into()],
        filter: Some(Filter {
            predicates: vec![
                predicate("outcom", Operator::Equal, &["failure"]),
                predicate("outcome", Operator::Unspecified, &["failure"]),
            ],
        }),
        include_traceparent: false,
    };
    let refused = app.admin().create_endpoint(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "request_id",
            "url",
            "description",
            "event_types[1]",
            "filter.predicates[0]",
            "filter.predicates[1].operator"
        ]
    );
    assert!(
        violations[4].description.contains("Did you mean outcome?"),
        "{}",
        violations[4].description
    );
    let empty = app.admin().create_endpoint(CreateEndpointRequest::default()).await.unwrap_err();
    assert_eq!(fault::reason_of(&empty), Some(ErrorReason::Required));
}

#[tokio::test]
async fn a_filter_value_with_a_nul_is_refused_and_not_taken_for_no_filter() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let fine = predicate("outcome", Operator::Equal, &["failure"]);
    for predicates in [
        vec![fine.clone(), predicate("agent_id", Operator::Equal, &["\u{0}"])],
        vec![fine.clone(), predicate("agent_id", Operator::In, &["a", "b\u{0}c"])],
        vec![fine.clone(), predicate("agent_id", Operator::Prefix, &["\u{0}"])],
        vec![fine.clone(), predicate("agent_id", Operator::Exists, &["\u{0}"])],
        vec![fine, predicate("metadata.\u{0}", Operator::Exists, &[])],
    ] {
        let request = CreateEndpointRequest { filter: Some(Filter { predicates }), ..valid() };
        let refused = app.admin().create_endpoint(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        let fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["filter.predicates[1]"]);
    }
    let left = app.admin().list_endpoints(ListEndpointsRequest::default()).await.unwrap();
    assert_eq!(left.into_inner().endpoints, []);
}

#[tokio::test]
async fn the_alias_of_tracked_is_taken_for_it() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let types = vec!["event.created".to_owned(), "event.tracked".to_owned()];
    let created = app.create(CreateEndpointRequest { event_types: types, ..valid() }).await;
    assert_eq!(created.endpoint.unwrap().event_types, ["event.tracked"]);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let db = database().await;
    let app = Harness::start(&db).await;
    for _ in 0..5 {
        app.create(valid()).await;
    }
    let mut client = app.admin();
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListEndpointsRequest { page_size: 2, page_token };
        let page = client.list_endpoints(request).await.unwrap().into_inner();
        assert!(page.endpoints.len() <= 2);
        seen.extend(page.endpoints.into_iter().map(|e| e.endpoint_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let forged = ListEndpointsRequest { page_size: 2, page_token: "AAAA".into() };
    let refused = client.list_endpoints(forged).await.unwrap_err();
    assert_eq!(fault::reason_of(&refused), Some(ErrorReason::BadPageToken));
}

#[tokio::test]
async fn deliveries_and_attempts_come_in_pages_too() {
    let db = database().await;
    let (app, sink) = (Harness::start(&db).await, Sink::start().await);
    let endpoint_id = app.subscribe(&sink.url()).await.endpoint.unwrap().endpoint_id;
    for _ in 0..3 {
        app.consumed(app.fail("a")).await;
    }
    let mut client = app.admin();
    let request = ListDeliveriesRequest {
        endpoint_id: endpoint_id.clone(),
        page_size: 2,
        ..Default::default()
    };
    let first = client.list_deliveries(request.clone()).await.unwrap().into_inner();
    let next = ListDeliveriesRequest { page_token: first.next_page_token, ..request };
    let second = client.list_deliveries(next).await.unwrap().into_inner();
    assert_eq!((first.deliveries.len(), second.deliveries.len()), (2, 1));
    assert_eq!(second.next_page_token, "");
    let unknown = ListAttemptsRequest {
        delivery_id: "wh_00000000000010000000000001".into(),
        ..Default::default()
    };
    let refused = client.list_attempts(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn another_workspace_sees_nothing_and_a_reader_changes_nothing() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let endpoint_id = app.create(valid()).await.endpoint.unwrap().endpoint_id;
    let stranger = app.server.channel_for(WorkspaceId::new(1).unwrap(), &[Scope::Admin]);
    let mut stranger = EndpointServiceClient::new(stranger);
    let refused = stranger.get_endpoint(get(&endpoint_id)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let delete = DeleteEndpointRequest { endpoint_id: endpoint_id.clone(), ..Default::default() };
    assert_eq!(stranger.delete_endpoint(delete.clone()).await.unwrap_err().code(), Code::NotFound);

    let mut reader = EndpointServiceClient::new(app.channel(&[Scope::Report]));
    assert!(reader.get_endpoint(get(&endpoint_id)).await.is_ok());
    assert_eq!(reader.delete_endpoint(delete).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(reader.create_endpoint(valid()).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn what_is_not_built_yet_says_so() {
    let db = database().await;
    let app = Harness::start(&db).await;
    let refused = app.admin().update_endpoint(UpdateEndpointRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(fault::reason_of(&refused), Some(ErrorReason::NotImplemented));
    let mut alerts = AlertServiceClient::new(app.channel(&[Scope::Report]));
    let refused = alerts.backtest(BacktestRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
